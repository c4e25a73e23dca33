//! Compiles grammars away from the threads that serve, one at a time for each tenant.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use cortex_batch::Tenant;
use cortex_grammar::{Compiler, Constraint, GrammarError, Halt, Rule};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::SubmitError;

/// How long one compilation may take.
const COMPILE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request waits for earlier compilations of its tenant.
const TURN_TIMEOUT: Duration = Duration::from_secs(20);
/// When to try again after waiting too long.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(5);
/// How many tenants without a compilation to remember.
const MAX_IDLE: usize = 64;

#[derive(Debug)]
pub(super) struct Grammars {
    compiler: Compiler,
    /// Limits the number of concurrent compilations, so that one tenant never has them all.
    permits: Arc<Semaphore>,
    turns: Mutex<HashMap<Tenant, Arc<Semaphore>>>,
}

/// Cancels a compilation when its caller stops waiting.
struct CancelOnDrop(Halt);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Grammars {
    pub(super) fn new(compiler: Compiler) -> Self {
        let permits = available_parallelism().map_or(1, NonZeroUsize::get).div_ceil(2).clamp(2, 8);
        Self { compiler, permits: Arc::new(Semaphore::new(permits)), turns: Mutex::default() }
    }

    /// Returns the constraint of a rule. If the future is dropped or cancelled, the compilation
    /// ends with its next step at the latest. The tenant's next compilation waits for that.
    pub(super) async fn compile(
        &self,
        tenant: &Tenant,
        rule: Rule,
        cancel: &CancellationToken,
    ) -> Result<Constraint, SubmitError> {
        if let Some(constraint) = self.compiler.find(&rule) {
            return Ok(constraint);
        }
        tokio::select! {
            compiled = self.compile_in_turn(tenant, rule) => compiled,
            () = cancel.cancelled() => Err(SubmitError::Cancelled),
        }
    }

    async fn compile_in_turn(&self, tenant: &Tenant, rule: Rule) -> Result<Constraint, SubmitError> {
        let turn = self.turn(tenant);
        let permits = async {
            let turn = turn.acquire_owned().await;
            (turn, self.permits.clone().acquire_owned().await)
        };
        let Ok((Ok(turn), Ok(permit))) = timeout(TURN_TIMEOUT, permits).await else {
            return Err(SubmitError::Overloaded { retry_after: BUSY_RETRY_AFTER });
        };
        let halt = Halt::at(Instant::now() + COMPILE_TIMEOUT);
        let waiting = CancelOnDrop(halt.clone());
        let (done, compiled) = oneshot::channel();
        let finish = move |constraint| {
            drop((turn, permit));
            // The caller may have disconnected.
            drop(done.send(constraint));
        };
        let too_complex = |why: &str| SubmitError::Grammar(GrammarError::TooComplex { why: why.to_owned() });
        self.compiler.spawn(rule, halt, finish).map_err(|error| too_complex(&error.to_string()))?;
        let compiled = timeout(COMPILE_TIMEOUT, compiled).await;
        drop(waiting);
        match compiled {
            Ok(Ok(constraint)) => Ok(constraint?),
            Ok(Err(_)) => Err(too_complex("the compiler ended without a result")),
            Err(_) => Err(too_complex("compiling it takes too long")),
        }
    }

    fn turn(&self, tenant: &Tenant) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= MAX_IDLE {
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        turns.entry(tenant.clone()).or_insert_with(|| Arc::new(Semaphore::new(1))).clone()
    }
}

#[cfg(test)]
mod tests {
    use cortex_grammar::{Limits, Vocabulary};

    use super::*;

    fn grammars() -> Grammars {
        let mut tokens: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
        tokens.push(Vec::new());
        let vocabulary = Vocabulary { tokens, ends: vec![256], ..Vocabulary::default() };
        Grammars::new(Compiler::new(vocabulary, Limits::default()).expect("a sound vocabulary"))
    }

    fn rule(letter: char) -> Rule {
        Rule::Regex(format!("{letter}+"))
    }

    #[tokio::test]
    async fn a_tenant_compiles_one_at_a_time_and_holds_up_no_other() {
        let (grammars, cancel) = (grammars(), CancellationToken::new());
        let (busy, other) = (Tenant::from("busy"), Tenant::from("other"));
        let held = grammars.turn(&busy).acquire_owned().await.expect("a turn");
        let mut waits = Box::pin(grammars.compile(&busy, rule('a'), &cancel));
        tokio::select! {
            biased;
            _ = &mut waits => panic!("its turn is taken"),
            other = grammars.compile(&other, rule('b'), &cancel) => drop(other.expect("a sound rule")),
        }
        drop(held);
        waits.await.expect("a sound rule");
    }

    #[tokio::test]
    async fn a_cancelled_request_waits_for_no_turn() {
        let (grammars, cancel) = (grammars(), CancellationToken::new());
        let tenant = Tenant::from("busy");
        let _held = grammars.turn(&tenant).acquire_owned().await.expect("a turn");
        cancel.cancel();
        let refused = grammars.compile(&tenant, rule('a'), &cancel).await;
        assert_eq!(refused.err(), Some(SubmitError::Cancelled));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_waits_too_long_for_its_turn_is_asked_to_retry() {
        let (grammars, cancel) = (grammars(), CancellationToken::new());
        let tenant = Tenant::from("busy");
        let _held = grammars.turn(&tenant).acquire_owned().await.expect("a turn");
        let refused = grammars.compile(&tenant, rule('a'), &cancel).await;
        assert_eq!(refused.err(), Some(SubmitError::Overloaded { retry_after: BUSY_RETRY_AFTER }));
    }

    #[tokio::test]
    async fn an_abandoned_compilation_gives_its_turn_back() {
        let (grammars, cancel) = (grammars(), CancellationToken::new());
        let tenant = Tenant::from("busy");
        let permits = grammars.permits.available_permits();
        let mut abandoned = Box::pin(grammars.compile(&tenant, rule('a'), &cancel));
        tokio::select! {
            biased;
            _ = &mut abandoned => {}
            () = std::future::ready(()) => {}
        }
        drop(abandoned);
        grammars.compile(&tenant, rule('b'), &cancel).await.expect("a turn");
        assert_eq!(grammars.permits.available_permits(), permits);
    }
}
