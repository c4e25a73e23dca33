//! The loop that owns the model.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use cortex_batch::{Batch, Finish, Finished, Job, Part, Plan, Refused, SequenceId, Verdict};
use cortex_tokens::Tokenizer;
use cortex_transformer::{LogitsFor, Segment};
use tokio::sync::{mpsc, oneshot};

use super::answer::{Abort, Answer, NextToken};
use super::event::{AnswerError, StopReason};
use super::masks::MaskThread;
use super::metrics::Metrics;
use super::network::{Network, StepLogits};
use super::receipt::Identity;

/// What the loop is told between steps.
#[derive(Debug)]
pub(super) enum Command {
    Submit(Box<Submission>),
    /// Every answer fails and the loop ends.
    Stop,
}

/// Answers to one prompt.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) job: Job,
    pub(super) deadline: Option<Instant>,
    pub(super) answers: Vec<Answer>,
    pub(super) accepted: oneshot::Sender<Result<(), Refused>>,
}

/// What the thread owns.
#[derive(Debug)]
pub(super) struct EngineLoop {
    pub(super) network: Network,
    pub(super) batch: Batch,
    pub(super) masks: MaskThread,
    pub(super) tokenizer: Tokenizer,
    pub(super) identity: Arc<Identity>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) answers: BTreeMap<SequenceId, Answer>,
    /// The batch's time zero.
    pub(super) start: Instant,
}

impl EngineLoop {
    /// Ends when it is told to, or when everybody who could submit is gone and every answer has ended.
    pub(super) fn serve(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            if self.batch.is_empty() {
                match commands.blocking_recv() {
                    Some(Command::Submit(submission)) => self.submit(*submission),
                    Some(Command::Stop) | None => return,
                }
            }
            while let Ok(command) = commands.try_recv() {
                match command {
                    Command::Submit(submission) => self.submit(*submission),
                    Command::Stop => return self.stop(),
                }
            }
            self.abort_unwanted();
            self.step();
            self.metrics.usage(self.batch.usage());
        }
    }

    fn submit(&mut self, submission: Submission) {
        let Submission { mut job, deadline, answers, accepted } = submission;
        job.deadline = deadline.map(|deadline| deadline.saturating_duration_since(self.start));
        match self.batch.submit(self.start.elapsed(), job, answers.len()) {
            Ok(ids) => {
                self.answers.extend(ids.into_iter().zip(answers));
                self.metrics.usage(self.batch.usage());
                // Whoever asked may be gone; then nobody listens to the answers either.
                let _ = accepted.send(Ok(()));
            }
            Err(refused) => {
                self.metrics.refused();
                let _ = accepted.send(Err(refused));
            }
        }
    }

    fn step(&mut self) {
        let plan = self.batch.plan(self.start.elapsed());
        for id in &plan.expired {
            self.end(*id, Err(AnswerError::Deadline));
        }
        if plan.parts.is_empty() {
            return;
        }
        self.record_admitted(&plan);
        let mut computed = self.compute(&plan);
        let mut verdicts = Vec::with_capacity(plan.parts.len());
        let mut ended = BTreeMap::new();
        for (segment, part) in plan.parts.iter().enumerate() {
            let (verdict, outcome) = self.outcome(part, computed.logits(segment));
            verdicts.extend(verdict.map(|verdict| (part.sequence, verdict)));
            ended.extend(outcome.map(|outcome| (part.sequence, outcome)));
        }
        self.metrics.step(&plan, self.batch.usage());
        for Finished { sequence, why } in self.batch.committed(&plan, &verdicts) {
            if why == Finish::Length {
                ended.insert(sequence, Ok(StopReason::Length));
            }
        }
        for (id, outcome) in ended {
            match outcome {
                Ok(reason) => self.end(id, Ok(reason)),
                Err(abort) => self.abort(id, abort),
            }
        }
    }

    fn record_admitted(&mut self, plan: &Plan) {
        let now = Instant::now();
        for id in &plan.admitted {
            if let Some(answer) = self.answers.get_mut(id)
                && answer.clock.admitted(now)
            {
                answer.usage.cached_tokens = self.batch.found(*id);
                self.metrics.admitted(answer.usage.prompt_tokens, answer.usage.cached_tokens);
            }
        }
    }

    /// Runs the model over a plan, and computes beside it the masks that the plan's answers need.
    fn compute(&mut self, plan: &Plan) -> StepLogits {
        let sampled = plan.parts.iter().filter(|part| part.sample);
        let jobs = sampled.filter_map(|part| {
            Some((part.sequence, self.answers.get_mut(&part.sequence)?.constrained.take()?))
        });
        let jobs = jobs.collect();
        let segment = |part: &Part| Segment {
            tokens: &self.batch.tokens(part.sequence)[part.tokens.clone()],
            start: part.tokens.start,
            blocks: self.batch.blocks(part.sequence),
            logits_for: if part.sample { LogitsFor::Last } else { LogitsFor::Nothing },
        };
        let segments: Vec<_> = plan.parts.iter().map(segment).collect();
        let network = &mut self.network;
        let (masks, computed) = self.masks.compute_during(jobs, || network.run(&segments));
        for (id, mask) in masks {
            match mask {
                Ok(constrained) => {
                    if let Some(answer) = self.answers.get_mut(&id) {
                        answer.constrained = Some(constrained);
                    }
                }
                Err(why) => self.abort(id, Abort::Failed(AnswerError::Grammar(why))),
            }
        }
        computed
    }

    /// What a part's logits mean for its sequence, and for its answer if that ends.
    fn outcome(
        &mut self,
        part: &Part,
        logits: Result<Option<&mut [f32]>, String>,
    ) -> (Option<Verdict>, Option<Result<StopReason, Abort>>) {
        let Some(answer) = self.answers.get_mut(&part.sequence) else { return (None, None) };
        let logits = match logits {
            Ok(Some(logits)) => logits,
            Ok(None) => return (None, None),
            Err(why) => {
                return (Some(Verdict::Failed), Some(Err(Abort::Failed(AnswerError::Device(why)))));
            }
        };
        // A model's vocabulary may be padded; nothing can be written with what the tokenizer doesn't know.
        let known = logits.len().min(self.tokenizer.vocabulary());
        match answer.write(&mut logits[..known], &self.tokenizer, &self.metrics) {
            Ok(NextToken::Continue(token)) => (Some(Verdict::Token(token)), None),
            Ok(NextToken::Finish(reason)) => (Some(Verdict::Ended), Some(Ok(reason))),
            Err(Abort::Failed(AnswerError::NotFinite)) => {
                (Some(Verdict::Failed), Some(Err(Abort::Failed(AnswerError::NotFinite))))
            }
            Err(abort) => (Some(Verdict::Ended), Some(Err(abort))),
        }
    }

    /// Frees the places of answers that were cancelled or that nobody listens to.
    fn abort_unwanted(&mut self) {
        let abort_reason: Vec<_> =
            self.answers.iter().filter_map(|(id, answer)| Some((*id, answer.abort_reason()?))).collect();
        abort_reason.into_iter().for_each(|(id, abort)| self.abort(id, abort));
    }

    fn abort(&mut self, id: SequenceId, abort: Abort) {
        let failure = match abort {
            Abort::Failed(failure) => failure,
            Abort::Disconnected => AnswerError::Cancelled,
        };
        self.batch.cancel(id);
        self.end(id, Err(failure));
    }

    fn end(&mut self, id: SequenceId, outcome: Result<StopReason, AnswerError>) {
        if let Some(answer) = self.answers.remove(&id) {
            answer.end(outcome, &self.identity, &self.metrics);
        }
    }

    fn stop(&mut self) {
        let all: Vec<_> = self.answers.keys().copied().collect();
        all.into_iter().for_each(|id| self.abort(id, Abort::Failed(AnswerError::Stopped)));
    }
}
