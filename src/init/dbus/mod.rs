//! A D-Bus client for the inits that speak it: one connection, checked, authenticated, and every
//! wait on it bounded. zbus packs and unpacks the messages; sending, waiting and time limits are
//! done here, because a zbus connection that outlives one call runs on a helper thread and knows no
//! time limits. It never sends anything twice by itself: what a loss means is not its business.

pub(super) mod abstract_socket;
pub(super) mod connection;
pub(super) mod dial;
pub(super) mod frame;
pub(super) mod link;
pub(super) mod patience;
mod sasl;
pub(super) mod stream;
