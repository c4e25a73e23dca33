//! The routes of the edge and the origin. From one table, the edge finds a request's route, the
//! gateway builds its router, and the OpenAPI document is generated.
//!
//! To add a route, add a variant to the enum of its callers ([`route`](self)'s `Public`, `Caller`,
//! ..) and a row to [`ROUTES`]. The compiler then asks for the rest: a handler at each process that
//! serves the route, and its part of the document.

mod find;
mod info;
mod route;
mod table;

pub use find::{Matched, NoRoute, find_at_edge, find_at_origin, methods_for_pages, shape};
pub use info::{Access, BodyLimit, Method, Mode, RouteInfo, ServedBy};
pub use route::{AtEdge, AtOrigin, Caller, EdgeService, Local, OriginService, Public, Route};
pub use table::ROUTES;
