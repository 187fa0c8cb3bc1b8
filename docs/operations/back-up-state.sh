#!/bin/sh
# Copies the whole state of a console, which may be running:
#
#     back-up-state.sh /var/lib/backups-console /var/lib/backups-console-copy
#
# The second folder must not exist and must be on the file system of the first: archives are copied as hard links, which
# take no room and no time. That is safe because a finished archive never changes. What is still being uploaded is
# copied as far as it is, and so are the packs that document libraries made of members go on growing in. Copy the folder to another machine afterwards; then delete it.
set -eu
umask 077

data=$(cd "$1" && pwd)
mkdir "$2"
copy=$(cd "$2" && pwd)

link_archives() {
    cd "$data"
    find archives backups members -type d -exec sh -c 'for folder; do mkdir -p "$0/$folder"; done' "$copy" {} +
    # An archive that is deleted meanwhile is no fault. Packs of members that are not full yet grow, see below.
    find archives backups members -type f ! -name '*.partial' \
        ! '(' -path 'members/*/packs/*' -size -67108864c ')' -exec sh -c '
        for file; do
            [ -e "$0/$file" ] || ln "$file" "$0/$file" 2>/dev/null || [ ! -e "$file" ]
        done' "$copy" {} +
}

# Before the catalogue is copied, so that nothing in it can be deleted before it is linked; and after, so that nothing in
# it can have been finished too late to be linked.
link_archives
cd "$copy"
sqlite3 "$data/backups.sqlite" "VACUUM INTO 'backups.sqlite'"
link_archives
# These grow. After the catalogue, so that each has at least the bytes that the catalogue knows of.
cd "$data"
find archives members -type f '(' -name '*.partial' -o -path 'members/*/packs/*' -size -67108864c ')' -exec sh -c '
    for file; do
        [ -e "$0/$file" ] || cp --preserve=mode --reflink=auto "$file" "$0/$file" 2>/dev/null || [ ! -e "$file" ]
    done' "$copy" {} +

cd "$copy"
[ "$(sqlite3 backups.sqlite 'PRAGMA integrity_check')" = ok ]
