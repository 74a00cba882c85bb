//! What people do and what they meet, one module a concern.

mod direct;
mod ends;
mod engines;
mod faults;
mod files;
mod keyboard;
mod mailbox;
mod names;
mod origin;
mod passcodes;
mod second_step;
mod sending;
mod single_sign_on;
mod streams;
mod tokens;
mod without_scripts;
mod without_vectors;
