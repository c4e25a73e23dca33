//! The loop that owns the model.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use cortex_batch::{
    Batch, FinishReason, Finished, Job, Plan, PlannedSegment, QueueError, SequenceId, StepOutcome,
};
use cortex_tokens::Tokenizer;
use cortex_transformer::{LogitsFor, Segment};
use tokio::sync::{mpsc, oneshot};

use super::answer::{Abort, Answer, NextToken};
use super::event::{AnswerError, StopReason};
use super::masks::MaskThread;
use super::metrics::Metrics;
use super::network::{Network, StepLogits};
use super::receipt::Identity;

/// A message to the loop, which it reads between steps.
#[derive(Debug)]
pub(super) enum Command {
    Submit(Box<Submission>),
    /// Fails every answer and ends the loop.
    Stop,
}

/// The answers to one prompt.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) job: Job,
    pub(super) deadline: Option<Instant>,
    pub(super) answers: Vec<Answer>,
    pub(super) accepted: oneshot::Sender<Result<(), QueueError>>,
}

/// The state of the model's thread.
#[derive(Debug)]
pub(super) struct EngineLoop {
    pub(super) network: Network,
    pub(super) batch: Batch,
    pub(super) masks: MaskThread,
    pub(super) tokenizer: Tokenizer,
    pub(super) identity: Arc<Identity>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) answers: BTreeMap<SequenceId, Answer>,
    /// The time zero of the batch.
    pub(super) start: Instant,
}

impl EngineLoop {
    /// Runs until it gets [`Command::Stop`], or until all senders are dropped and every answer has
    /// ended.
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
                // If the caller has disconnected, the answers' receiver is gone too.
                let _ = accepted.send(Ok(()));
            }
            Err(error) => {
                self.metrics.refused();
                let _ = accepted.send(Err(error));
            }
        }
    }

    fn step(&mut self) {
        let plan = self.batch.plan(self.start.elapsed());
        for id in &plan.expired {
            self.end(*id, Err(AnswerError::Deadline));
        }
        if plan.segments.is_empty() {
            return;
        }
        self.record_admitted(&plan);
        let mut computed = self.compute(&plan);
        let mut outcomes = Vec::with_capacity(plan.segments.len());
        let mut ended = BTreeMap::new();
        for (segment, planned) in plan.segments.iter().enumerate() {
            let (step_outcome, outcome) = self.outcome(planned, computed.logits(segment));
            outcomes.extend(step_outcome.map(|step_outcome| (planned.sequence, step_outcome)));
            ended.extend(outcome.map(|outcome| (planned.sequence, outcome)));
        }
        self.metrics.step(&plan, self.batch.usage());
        for Finished { sequence, reason } in self.batch.commit(&plan, &outcomes) {
            if reason == FinishReason::Length {
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

    /// Runs the model on a plan. Meanwhile computes the masks that the plan's answers need.
    fn compute(&mut self, plan: &Plan) -> StepLogits {
        let sampled = plan.segments.iter().filter(|planned| planned.sample);
        let jobs = sampled.filter_map(|planned| {
            Some((planned.sequence, self.answers.get_mut(&planned.sequence)?.constrained.take()?))
        });
        let jobs = jobs.collect();
        let segment = |planned: &PlannedSegment| Segment {
            tokens: &self.batch.tokens(planned.sequence)[planned.tokens.clone()],
            start: planned.tokens.start,
            blocks: self.batch.blocks(planned.sequence),
            logits_for: if planned.sample { LogitsFor::Last } else { LogitsFor::Nothing },
        };
        let segments: Vec<_> = plan.segments.iter().map(segment).collect();
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

    /// Returns what a segment's logits mean for its sequence, and how its answer ends if it does.
    fn outcome(
        &mut self,
        planned: &PlannedSegment,
        logits: Result<Option<&mut [f32]>, String>,
    ) -> (Option<StepOutcome>, Option<Result<StopReason, Abort>>) {
        let Some(answer) = self.answers.get_mut(&planned.sequence) else { return (None, None) };
        let logits = match logits {
            Ok(Some(logits)) => logits,
            Ok(None) => return (None, None),
            Err(why) => {
                return (Some(StepOutcome::Failed), Some(Err(Abort::Failed(AnswerError::Device(why)))));
            }
        };
        // A model's vocabulary may be padded. The tokenizer has no text for those tokens.
        let known = logits.len().min(self.tokenizer.vocabulary());
        match answer.write(&mut logits[..known], &self.tokenizer, &self.metrics) {
            Ok(NextToken::Continue(token)) => (Some(StepOutcome::Token(token)), None),
            Ok(NextToken::Finish(reason)) => (Some(StepOutcome::Ended), Some(Ok(reason))),
            Err(Abort::Failed(AnswerError::NotFinite)) => {
                (Some(StepOutcome::Failed), Some(Err(Abort::Failed(AnswerError::NotFinite))))
            }
            Err(abort) => (Some(StepOutcome::Ended), Some(Err(abort))),
        }
    }

    /// Aborts answers that were cancelled or that no longer have a reader.
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
