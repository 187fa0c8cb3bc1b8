//! Slows down whoever guesses passwords, without locking out whoever knows theirs.
//!
//! Three counts stand in front of each password:
//!
//! - Of one account from one address: a few failures are free, then each makes the next attempt wait longer. Success
//!   forgets them. Attempts of this pair are judged one after the other, so that a hundred at once are not a hundred
//!   free ones.
//! - Of one address, for all accounts: so many failures, of which one is forgiven each minute.
//! - Of one account, from all addresses: likewise.
//!
//! The two wide ones do not count for an address from which the account was signed in to before: nobody can shut a
//! person out by failing elsewhere, nor by failing for others behind the same address. An address of IPv6 is its /64,
//! which is what one customer has. An attempt counts before the password is hashed, so a guess that is refused costs
//! nothing; for accounts that do not exist all of this is the same.
//!
//! The counts are in memory and bounded: what was quiet longest is forgotten first. A restart forgets all of them, and
//! an attacker who can restart the process needs no passwords.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;

use crate::{ConsoleError, people};

/// Attempts of one account from one address that do not wait for the one before.
const FREE_ATTEMPTS: u32 = 5;
/// The pause after the last of them; it doubles with each that follows.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_mins(15);
/// Failures are forgotten when nothing was tried for so long.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(2);
/// Failures of one address, and of one account, before they wait for some to be forgiven.
const WIDE_LIMIT: u32 = 60;
const FORGIVEN_EVERY: Duration = Duration::from_mins(1);
/// How long an address is known for an account after it signed in from there.
const KNOWN_FOR: Duration = Duration::from_hours(30 * 24);
/// Entries of each table.
const MOST_ENTRIES: usize = 10_000;

type Clock = dyn Fn() -> Instant + Send + Sync;

/// The counts; clones share them.
#[derive(Clone)]
pub(crate) struct Throttle {
    clock: Arc<Clock>,
    counts: Arc<Mutex<Counts>>,
}

struct Counts {
    pairs: Table<Pair, Failures>,
    addresses: Table<Address, Bucket>,
    accounts: Table<Account, Bucket>,
    /// From where each account was signed in to.
    known: Table<Pair, ()>,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            pairs: Table::new(FORGOTTEN_AFTER),
            addresses: Table::new(FORGOTTEN_AFTER),
            accounts: Table::new(FORGOTTEN_AFTER),
            known: Table::new(KNOWN_FOR),
        }
    }
}

/// The hash of an e-mail address: one that is megabytes long takes no more memory than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Account([u8; 32]);

/// Whoever cannot be told apart by address shares one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Address(Option<IpAddr>);

impl Account {
    /// Folded as people's addresses are.
    fn of(email: &str) -> Self {
        Self(Sha256::digest(people::folded(email)).into())
    }
}

impl Address {
    fn of(address: Option<IpAddr>) -> Self {
        const NETWORK: u128 = !(u64::MAX as u128);
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
            address @ IpAddr::V4(_) => address,
        }))
    }
}

type Pair = (Account, Address);

/// An attempt that was let through; it counts as failed until it says otherwise.
pub(crate) struct Attempt {
    throttle: Throttle,
    pair: Pair,
    known: bool,
    _turn: OwnedMutexGuard<()>,
}

impl Throttle {
    pub(crate) fn new(clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self {
            clock: Arc::new(clock),
            counts: Arc::default(),
        }
    }

    /// Lets an attempt through or says how long to wait. Waits for its turn among those of the same pair.
    pub(crate) async fn begin(&self, email: &str, from: Option<IpAddr>) -> Result<Attempt, ConsoleError> {
        let pair = (Account::of(email), Address::of(from));
        let turn = self.counts(|counts, now| counts.turn(pair, now))?;
        let turn = turn.lock_owned().await;
        let known = self.counts(|counts, now| counts.admit(pair, now))?;
        Ok(Attempt {
            throttle: self.clone(),
            pair,
            known,
            _turn: turn,
        })
    }

    /// Counts a token that is nobody's, and refuses the next ones when there were too many.
    pub(crate) fn token_failed(&self, from: Option<IpAddr>) -> Result<(), ConsoleError> {
        self.counts(|counts, now| {
            let bucket = counts.addresses.entry(Address::of(from), now);
            refuse(bucket.wait(now))?;
            bucket.add(now);
            Ok(())
        })
    }

    fn counts<T>(&self, work: impl FnOnce(&mut Counts, Instant) -> T) -> T {
        let now = (self.clock)();
        // Nothing is left half done by a panic in here that would be worse than a wrong count.
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut counts, now)
    }
}

impl Attempt {
    /// The password was right.
    pub(crate) fn succeeded(self) {
        self.throttle.counts(|counts, now| {
            let (account, address) = self.pair;
            counts.pairs.entries.remove(&self.pair);
            if !self.known {
                counts.addresses.entry(address, now).take_back();
                counts.accounts.entry(account, now).take_back();
            }
            counts.known.entry(self.pair, now);
        });
    }
}

impl Counts {
    /// What attempts of a pair wait for; those that would be refused for their address anyway leave no trace here.
    fn turn(&mut self, pair: Pair, now: Instant) -> Result<Arc<tokio::sync::Mutex<()>>, ConsoleError> {
        self.judge_wide(pair, now)?;
        Ok(self.pairs.entry(pair, now).turn.clone())
    }

    /// Counts an attempt and says whether its address is known for its account.
    fn admit(&mut self, pair: Pair, now: Instant) -> Result<bool, ConsoleError> {
        let known = self.judge_wide(pair, now)?;
        let failures = self.pairs.entry(pair, now);
        refuse(failures.wait(now))?;
        failures.add(now);
        if !known {
            let (account, address) = pair;
            self.addresses.entry(address, now).add(now);
            self.accounts.entry(account, now).add(now);
        }
        Ok(known)
    }

    fn judge_wide(&mut self, pair: Pair, now: Instant) -> Result<bool, ConsoleError> {
        if self.known.get(&pair, now).is_some() {
            return Ok(true);
        }
        let (account, address) = pair;
        let waits = [
            self.addresses.get(&address, now).map(|bucket| bucket.wait(now)),
            self.accounts.get(&account, now).map(|bucket| bucket.wait(now)),
        ];
        refuse(waits.into_iter().flatten().max().unwrap_or_default())?;
        Ok(false)
    }
}

/// In whole seconds, rounded up: whoever comes back then is let through.
fn refuse(wait: Duration) -> Result<(), ConsoleError> {
    if wait.is_zero() {
        return Ok(());
    }
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Err(ConsoleError::TooManyAttempts {
        retry_after: Duration::from_secs(seconds),
    })
}

/// Failures of one account from one address.
#[derive(Default)]
struct Failures {
    count: u32,
    paused_until: Option<Instant>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

impl Failures {
    fn wait(&self, now: Instant) -> Duration {
        self.paused_until
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    }

    fn add(&mut self, now: Instant) {
        self.count = self.count.saturating_add(1);
        if let Some(doublings) = self.count.checked_sub(FREE_ATTEMPTS) {
            let factor = 2_u32.saturating_pow(doublings);
            self.paused_until = Some(now + FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE));
        }
    }
}

/// Failures of which one is forgiven each minute.
#[derive(Default)]
struct Bucket {
    count: u32,
    /// When the last one was forgiven, or the first came.
    since: Option<Instant>,
}

impl Bucket {
    fn forgive(&mut self, now: Instant) {
        let Some(since) = self.since else { return };
        let minutes = now.saturating_duration_since(since).as_secs() / FORGIVEN_EVERY.as_secs();
        let forgiven = u32::try_from(minutes).unwrap_or(u32::MAX);
        self.count = self.count.saturating_sub(forgiven);
        self.since = (self.count > 0).then(|| since + FORGIVEN_EVERY.saturating_mul(forgiven));
    }

    fn wait(&mut self, now: Instant) -> Duration {
        self.forgive(now);
        match self.since {
            Some(since) if self.count >= WIDE_LIMIT => {
                (since + FORGIVEN_EVERY).saturating_duration_since(now)
            }
            _ => Duration::ZERO,
        }
    }

    fn add(&mut self, now: Instant) {
        self.forgive(now);
        self.count += 1;
        self.since.get_or_insert(now);
    }

    fn take_back(&mut self) {
        self.count = self.count.saturating_sub(1);
        if self.count == 0 {
            self.since = None;
        }
    }
}

/// A bounded table; each entry remembers when it was used last.
struct Table<K, V> {
    entries: HashMap<K, (Instant, V)>,
    lifetime: Duration,
}

impl<K: Eq + Hash, V: Default> Table<K, V> {
    fn new(lifetime: Duration) -> Self {
        Self {
            entries: HashMap::new(),
            lifetime,
        }
    }

    fn get(&mut self, key: &K, now: Instant) -> Option<&mut V> {
        let (used, value) = self.entries.get_mut(key)?;
        (now.saturating_duration_since(*used) < self.lifetime).then_some(value)
    }

    fn entry(&mut self, key: K, now: Instant) -> &mut V {
        if !self.entries.contains_key(&key) {
            self.make_room(now);
        }
        let (used, value) = self.entries.entry(key).or_insert_with(|| (now, V::default()));
        if now.saturating_duration_since(*used) >= self.lifetime {
            *value = V::default();
        }
        *used = now;
        value
    }

    /// A tenth at a time, so that a full table is not looked through for each new entry.
    fn make_room(&mut self, now: Instant) {
        if self.entries.len() < MOST_ENTRIES {
            return;
        }
        let lifetime = self.lifetime;
        self.entries
            .retain(|_, (used, _)| now.saturating_duration_since(*used) < lifetime);
        if self.entries.len() < MOST_ENTRIES {
            return;
        }
        let mut times: Vec<_> = self.entries.values().map(|(used, _)| *used).collect();
        let (_, oldest_kept, _) = times.select_nth_unstable(MOST_ENTRIES / 10);
        let oldest_kept = *oldest_kept;
        self.entries.retain(|_, (used, _)| *used >= oldest_kept);
        // All of them at one instant, which only a test can do.
        if self.entries.len() >= MOST_ENTRIES {
            self.entries.clear();
        }
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Throttle").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A throttle whose time stands still until it is told to go on.
    struct Stepped {
        throttle: Throttle,
        now: Arc<Mutex<Instant>>,
    }

    impl Stepped {
        fn new() -> Self {
            let now = Arc::new(Mutex::new(Instant::now()));
            let clock = Arc::clone(&now);
            Self {
                throttle: Throttle::new(move || *clock.lock().unwrap()),
                now,
            }
        }

        fn step(&self, seconds: u64) {
            *self.now.lock().unwrap() += Duration::from_secs(seconds);
        }

        /// An attempt with a wrong password: the seconds to wait, if it was not even judged.
        async fn fail(&self, email: &str, from: &str) -> Option<u64> {
            match self.throttle.begin(email, Some(from.parse().unwrap())).await {
                Ok(_) => None,
                Err(ConsoleError::TooManyAttempts { retry_after }) => Some(retry_after.as_secs()),
                Err(other) => panic!("{other:?}"),
            }
        }

        async fn succeed(&self, email: &str, from: &str) {
            let from = Some(from.parse().unwrap());
            self.throttle.begin(email, from).await.ok().unwrap().succeeded();
        }
    }

    #[tokio::test]
    async fn after_a_few_attempts_each_waits_twice_as_long() {
        let stepped = Stepped::new();
        for _ in 0..5 {
            assert_eq!(stepped.fail("a@example.com", "192.0.2.1").await, None);
        }
        let mut pauses = Vec::new();
        for _ in 0..12 {
            let pause = stepped.fail("a@example.com", "192.0.2.1").await.unwrap();
            stepped.step(pause - 1);
            assert_eq!(stepped.fail("a@example.com", "192.0.2.1").await, Some(1));
            stepped.step(1);
            assert_eq!(stepped.fail("a@example.com", "192.0.2.1").await, None);
            pauses.push(pause);
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        // Others are not concerned, from the same address or with the same account.
        assert_eq!(stepped.fail("b@example.com", "192.0.2.1").await, None);
        assert_eq!(stepped.fail("a@example.com", "192.0.2.2").await, None);
    }

    #[tokio::test]
    async fn success_and_quiet_hours_forget() {
        let stepped = Stepped::new();
        for _ in 0..4 {
            stepped.fail("a@example.com", "192.0.2.1").await;
        }
        stepped.succeed("a@example.com", "192.0.2.1").await;
        for _ in 0..5 {
            assert_eq!(stepped.fail("a@example.com", "192.0.2.1").await, None);
        }
        assert_eq!(stepped.fail("a@example.com", "192.0.2.1").await, Some(2));
        stepped.step(2 * 3600);
        for _ in 0..5 {
            assert_eq!(stepped.fail("a@example.com", "192.0.2.1").await, None);
        }
    }

    #[tokio::test]
    async fn spellings_of_an_account_and_of_an_address_are_one() {
        let stepped = Stepped::new();
        for (email, from) in [
            ("a@example.com", "192.0.2.1"),
            ("A@Example.com", "::ffff:192.0.2.1"),
            (" a@example.com ", "192.0.2.1"),
            ("a@example.com", "192.0.2.1"),
            ("a@example.com", "192.0.2.1"),
        ] {
            assert_eq!(stepped.fail(email, from).await, None);
        }
        assert_eq!(stepped.fail("a@example.com", "192.0.2.1").await, Some(2));

        for host in 0..5 {
            let from = format!("2001:db8:1:2:{host}::7");
            assert_eq!(stepped.fail("b@example.com", &from).await, None);
        }
        assert_eq!(
            stepped.fail("b@example.com", "2001:db8:1:2:ffff::1").await,
            Some(2)
        );
        assert_eq!(stepped.fail("b@example.com", "2001:db8:1:3::1").await, None);
    }

    #[tokio::test]
    async fn one_address_has_a_limit_over_all_accounts_but_not_for_those_it_is_known_for() {
        let stepped = Stepped::new();
        stepped.succeed("known@example.com", "192.0.2.1").await;
        for account in 0..60 {
            let email = format!("{account}@example.com");
            assert_eq!(stepped.fail(&email, "192.0.2.1").await, None, "{account}");
        }
        assert_eq!(stepped.fail("new@example.com", "192.0.2.1").await, Some(60));
        assert_eq!(stepped.fail("new@example.com", "192.0.2.2").await, None);
        stepped.succeed("known@example.com", "192.0.2.1").await;
        // One a minute is forgiven.
        stepped.step(60);
        assert_eq!(stepped.fail("new@example.com", "192.0.2.1").await, None);
        assert_eq!(stepped.fail("newer@example.com", "192.0.2.1").await, Some(60));
    }

    #[tokio::test]
    async fn one_account_has_a_limit_over_all_addresses_but_not_where_it_is_known() {
        let stepped = Stepped::new();
        stepped.succeed("a@example.com", "198.51.100.1").await;
        for host in 0..60 {
            let from = format!("192.0.2.{host}");
            assert_eq!(stepped.fail("a@example.com", &from).await, None, "{host}");
        }
        assert_eq!(stepped.fail("a@example.com", "203.0.113.9").await, Some(60));
        assert_eq!(stepped.fail("b@example.com", "203.0.113.9").await, None);
        assert_eq!(stepped.fail("a@example.com", "198.51.100.1").await, None);
        stepped.succeed("a@example.com", "198.51.100.1").await;
    }

    #[tokio::test]
    async fn success_does_not_use_the_wide_limits_up() {
        let stepped = Stepped::new();
        for account in 0..200 {
            let email = format!("{account}@example.com");
            stepped.succeed(&email, "192.0.2.1").await;
        }
        assert_eq!(stepped.fail("new@example.com", "192.0.2.1").await, None);
    }

    #[tokio::test]
    async fn attempts_of_a_pair_take_turns_and_count_before_they_are_judged() {
        let stepped = Stepped::new();
        let from = Some("192.0.2.1".parse().unwrap());
        // Known, as a script is that asks for many things at once with the right password.
        stepped.succeed("a@example.com", "192.0.2.1").await;
        let judge = |right: bool| {
            let throttle = stepped.throttle.clone();
            async move {
                let attempt = throttle.begin("a@example.com", from).await?;
                tokio::task::yield_now().await;
                if right {
                    attempt.succeeded();
                }
                Ok::<_, ConsoleError>(())
            }
        };
        let right = futures_util::future::join_all((0..50).map(|_| judge(true))).await;
        assert!(right.iter().all(Result::is_ok));
        let wrong = futures_util::future::join_all((0..50).map(|_| judge(false))).await;
        assert_eq!(wrong.iter().filter(|outcome| outcome.is_ok()).count(), 5);
    }

    #[tokio::test]
    async fn tokens_that_are_nobodys_are_counted_by_address() {
        let stepped = Stepped::new();
        let from = Some("192.0.2.1".parse().unwrap());
        for _ in 0..60 {
            stepped.throttle.token_failed(from).unwrap();
        }
        let refused = stepped.throttle.token_failed(from);
        assert!(
            matches!(refused, Err(ConsoleError::TooManyAttempts { retry_after }) if retry_after.as_secs() == 60),
            "{refused:?}"
        );
        stepped.throttle.token_failed(None).unwrap();
        stepped.step(60);
        stepped.throttle.token_failed(from).unwrap();
    }

    #[tokio::test]
    async fn whoever_tries_everything_does_not_fill_the_memory_nor_hide_what_they_did() {
        let stepped = Stepped::new();
        for _ in 0..5 {
            stepped.fail("a@example.com", "192.0.2.1").await;
        }
        for account in 0..20_000 {
            let email = format!("{account}@example.com");
            stepped.fail(&email, "192.0.2.1").await;
        }
        assert_eq!(stepped.fail("a@example.com", "192.0.2.1").await, Some(60));

        for number in 0..25_000_u32 {
            let address = Ipv6Addr::from_bits(u128::from(number) << 64).to_string();
            stepped.step(u64::from(number % 10 == 0));
            stepped.fail(&format!("{number}@example.com"), &address).await;
        }
        stepped.throttle.counts(|counts, _| {
            for size in [
                counts.pairs.entries.len(),
                counts.addresses.entries.len(),
                counts.accounts.entries.len(),
                counts.known.entries.len(),
            ] {
                assert!(size <= MOST_ENTRIES, "{size}");
            }
        });
    }
}
