//! Makes sure that we are told how our children ended.
//! Whoever calls us may ignore SIGCHLD, and that is inherited: the kernel then keeps no exit statuses.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::SIGCHLD;

/// Takes SIGCHLD back from a caller that ignores it, as a shell does. Programs that we become or
/// start have its default again.
pub fn listen() {
    // Where that is refused all is as it was: statuses may be lost, and are then errors.
    let _ = signal_hook::flag::register(SIGCHLD, Arc::new(AtomicBool::new(false)));
}
