//! The command lines, each from arguments to exit status. Nothing imports a front end.
pub mod rcpolicy;
