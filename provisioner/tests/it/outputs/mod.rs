//! What lies beside an image, judged by `sha256sum`, `bmaptool`, `xz` and a validator of JSON schemas.

mod bench;
mod documents;
mod repeat;
mod together;
