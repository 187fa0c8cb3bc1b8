"""tuspy against a real server: python3 tuspy_client.py ENDPOINT FILE [URL]; the token comes from TOKEN.

Prints the address of the upload after each piece it was acknowledged, and ends when all is there. With URL it goes on
with an upload that was begun before.
"""

import os
import sys
import time

from tusclient import client
from tusclient.exceptions import TusCommunicationError

CHUNK = 4_000_000


def main() -> None:
    endpoint, path, *rest = sys.argv[1:]
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    uploads = client.TusClient(endpoint, headers=headers)
    options = {"url": rest[0]} if rest else {}
    uploader = uploads.uploader(path, chunk_size=CHUNK, upload_checksum=True, metadata={"part": "database", "filename": "large.gz"}, **options)
    failures = 0
    while uploader.offset < uploader.get_file_size():
        try:
            uploader.upload_chunk()
            print(uploader.url, uploader.offset, flush=True)
            failures = 0
        except TusCommunicationError:
            failures += 1
            if failures > 20:
                raise
            time.sleep(0.2)
            try:
                uploader.offset = uploader.get_offset()
            except TusCommunicationError:
                pass


main()
