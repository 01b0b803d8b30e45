//! Who gets which message: subscriptions, retained messages, and the queue of every client.
//!
//! The task that received a message finds its subscribers itself, in a tree that is read far more often than
//! it is changed, and puts the message into their queues. Nothing here waits: a queue is bounded, and what
//! does not fit costs its own client.

mod children;
mod client;
mod image;
mod inbox;
mod message;
mod publish;
mod registry;
mod retained;
mod rules;
mod shared;
mod subscription;
mod tree;

pub use client::{Client, Identity, Owned, OwnerToken, PendingWill, Scope, SessionExpiry};
pub use image::SessionImage;
pub use inbox::{Inbox, Pushed};
pub use message::{Delivery, Message, Numbers, Source};
pub use publish::Routed;
pub use registry::{AccessCheck, Ended, Opened, Opening, Router};
pub use retained::Retained;
pub use rules::DeliveryRules;
pub use subscription::{Granted, Subscriptions};
pub use tree::Tree;
