//! `provision image --fleet`: an image for each row of a file.

mod meter;
mod run;
mod tell;

pub(super) use run::run;
