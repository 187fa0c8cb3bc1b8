//! Time, as something a test can hold in its hands: ids carry minutes, and a test that waits for one waits for ever.

use std::{fmt::Debug, future::Future, pin::Pin, time::Duration};

use jiff::Timestamp;

/// Tells the time and waits for it.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;

    /// Returns when `time` has come.
    fn wait_until(&self, time: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn wait_until(&self, time: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            // Asked again after each sleep: the machine's clock may have been set meanwhile.
            while let Ok(remaining) = Duration::try_from(self.now().duration_until(time))
                && !remaining.is_zero()
            {
                tokio::time::sleep(remaining.min(Duration::from_secs(1))).await;
            }
        })
    }
}
