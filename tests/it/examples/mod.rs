//! The examples in other languages, against a real server: one schemastamp that is kept open, and answers.

mod language;
mod sign_up;
