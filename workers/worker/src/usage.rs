//! Records what a run does with a model in the run's span.

use cortex_domain::id::ModelName;
use cortex_platform::telemetry::{genai, record_current, record_integer};
use tracing::Span;

/// Records the operation, one of [`genai`]'s names, and the model.
pub(crate) fn of_request(operation: &'static str, model: &ModelName) {
    record_current(genai::OPERATION_NAME, operation);
    record_current(genai::REQUEST_MODEL, model.as_str());
}

/// Records the tokens of the input, and those of the output if there are any.
pub(crate) fn of_response(input: u64, output: Option<u64>) {
    let span = Span::current();
    record_integer(&span, genai::USAGE_INPUT_TOKENS, input);
    if let Some(output) = output {
        record_integer(&span, genai::USAGE_OUTPUT_TOKENS, output);
    }
}
