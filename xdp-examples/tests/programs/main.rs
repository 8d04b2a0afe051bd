//! The programs as their users run them: in labs, on interfaces that come and go, with Ctrl-C, `kill -9` and wrong
//! arguments.

mod child;
mod ends;
mod interface;
mod lab;
mod refusals;
