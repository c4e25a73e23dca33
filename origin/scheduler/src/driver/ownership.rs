//! Takes shares and gives them up, and listens for what concerns the own ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cortex_domain::ownership::Turn;
use cortex_domain::ports::{BusError, StoreError};
use cortex_domain::share::{Share, Term, Terms};
use tokio_util::sync::CancellationToken;

use super::Driver;
use super::listen;
use crate::core::Input;
use crate::membership::{Membership, TURN_INTERVAL};

/// How long the last turn of a scheduler that stops may take.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The shares of this scheduler.
pub(super) struct Ownership {
    membership: Membership,
    terms: Terms,
    /// Ends the tasks that listen for a share, by the term for which they were started.
    listening: BTreeMap<Share, (Term, CancellationToken)>,
}

/// A turn failed. The next one repeats what it did not do.
#[derive(Debug, thiserror::Error)]
enum TurnError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl Ownership {
    /// Takes the first step. If the store fails, the next one repeats it.
    ///
    /// # Errors
    /// Returns an error if the bus can't be used.
    pub(super) async fn start(driver: &Arc<Driver>) -> Result<Self, BusError> {
        let membership = Membership::new(driver.id);
        let mut ownership = Self { membership, terms: Terms::default(), listening: BTreeMap::new() };
        match ownership.step(driver).await {
            Ok(()) => {}
            Err(TurnError::Bus(error)) => return Err(error),
            Err(error) => log(&error),
        }
        Ok(ownership)
    }

    /// Says that this scheduler is alive, and takes and gives up what is due.
    async fn step(&mut self, driver: &Arc<Driver>) -> Result<(), TurnError> {
        self.turn(driver, self.membership.heartbeat()).await?;
        let planned = self.membership.plan(driver.clock.uptime(), |share| driver.has_calls(share));
        if let Some(turn) = planned {
            // A share is given up only after nothing is done for it anymore.
            self.adopt(driver, self.membership.terms_after(&turn)).await?;
            self.turn(driver, turn).await?;
        }
        Ok(())
    }

    async fn turn(&mut self, driver: &Arc<Driver>, turn: Turn) -> Result<(), TurnError> {
        let standing = driver.store.turn(turn).await?;
        self.membership.observe(standing, driver.clock.uptime());
        driver.note_observation();
        Ok(self.adopt(driver, self.membership.terms()).await?)
    }

    /// Acts under these terms from now on.
    async fn adopt(&mut self, driver: &Arc<Driver>, terms: Terms) -> Result<(), BusError> {
        let is_kept = |term: Term| terms.get(term.share) == Some(term);
        self.listening.retain(|_, (term, stop)| {
            if !is_kept(*term) {
                stop.cancel();
            }
            is_kept(*term)
        });
        if terms != self.terms {
            tracing::info!(shares = terms.iter().count(), "the shares of this scheduler have changed");
            self.terms = terms.clone();
            driver.handle(Input::Owned { terms: terms.clone() }, &driver.permits.owned);
        }
        let new: Vec<Term> = terms.iter().filter(|term| !self.listening.contains_key(&term.share)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let stops: Vec<(Term, CancellationToken)> =
            new.into_iter().map(|term| (term, driver.stop.child_token())).collect();
        let starting = stops.iter().map(|(term, stop)| listen::share(driver, term.share, stop));
        futures::future::try_join_all(starting).await.inspect_err(|_| {
            stops.iter().for_each(|(_, stop)| stop.cancel());
        })?;
        self.listening.extend(stops.into_iter().map(|(term, stop)| (term.share, (term, stop))));
        // What came before is in the store.
        driver.gained.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Repeats the step until the scheduler stops.
    pub(super) async fn run(mut self, driver: Arc<Driver>) {
        let mut fails = false;
        loop {
            // Without others there is nothing to learn and nothing to prove.
            let has_all = self.listening.len() == usize::from(Share::COUNT);
            if has_all && !driver.store.is_shared() {
                return driver.stop.cancelled().await;
            }
            tokio::select! {
                () = driver.stop.cancelled() => return,
                () = tokio::time::sleep(TURN_INTERVAL) => {}
            }
            let stepped = tokio::select! {
                () = driver.stop.cancelled() => return,
                stepped = self.step(&driver) => stepped,
            };
            match stepped {
                Ok(()) => fails = false,
                Err(error) => {
                    if !fails {
                        log(&error);
                    }
                    fails = true;
                }
            }
        }
    }
}

fn log(error: &TurnError) {
    tracing::error!(%error, "the shares of the schedulers can't be read; the scheduler tries again");
}

/// Gives up every share, so that others don't wait until this scheduler is known to have ended.
pub(super) async fn leave(driver: &Driver) {
    let leaving = driver.store.turn(Membership::new(driver.id).leave());
    match tokio::time::timeout(LEAVE_TIMEOUT, leaving).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the shares were not given up"),
        Err(_) => tracing::warn!("the shares were not given up, because the store does not respond"),
    }
}
