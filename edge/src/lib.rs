//! The public door: a Cloudflare Worker.
