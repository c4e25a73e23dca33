//! The cryptographic library of TLS.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// Returns the library that every TLS connection uses.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    let installed = CryptoProvider::get_default().cloned();
    installed.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()))
}

/// Makes it the library of the whole process. `main` calls this first, so that no dependency
/// chooses another.
pub fn install() {
    // Only a second call fails, and the first one applies.
    let _ = aws_lc_rs::default_provider().install_default();
}
