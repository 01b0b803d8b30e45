//! One image onto many cards at the same time.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use super::copyist::{Counts, Destination, Message, copy};
use super::error::{SourceError, TargetError};
use super::feed::feed;
use super::layout::Layout;
use super::source::Source;

/// Pieces that wait for a card. They are shared: the slowest card sets the pace, and memory is used once.
const QUEUE: usize = 2;

/// How it went.
#[derive(Debug)]
pub struct Outcome {
    /// Whether the image could be read to its end.
    pub source: Result<(), SourceError>,
    /// What became of each card, in the order in which they were given.
    pub cards: Vec<Result<Counts, TargetError>>,
}

/// Writes what `layout` says of `source` onto all `destinations`, and proves it.
///
/// The source is read, and unpacked, once. A card that fails doesn't stop the others. If the source turns out
/// to be damaged, no card gets its first MiB.
pub fn flash(source: &Source, layout: &Layout, destinations: Vec<Destination<'_>>) -> Outcome {
    let total = layout
        .total()
        .or_else(|| Some(source.size()).filter(|size| *size > 0));
    thread::scope(|scope| {
        let mut senders = Vec::new();
        let mut copyists = Vec::new();
        for destination in destinations {
            let (sender, receiver) = sync_channel(QUEUE);
            senders.push(Some(sender));
            let path = destination.path.clone();
            let work = scope.spawn(move || copy(destination, &receiver, total));
            copyists.push((path, work));
        }
        let source = feed(source, layout, &mut |piece| {
            hand_out(&mut senders, &Message::Piece(Arc::new(piece)))
        });
        if source.is_ok() {
            hand_out(&mut senders, &Message::End);
        }
        drop(senders);
        let cards = copyists.into_iter().map(|(path, work)| {
            // A thread that has panicked has said so; its card is not finished.
            work.join().unwrap_or(Err(TargetError::NoMore { path }))
        });
        let cards = cards.collect();
        Outcome { source, cards }
    })
}

/// Gives everybody who still listens the message; says whether anybody does.
fn hand_out(senders: &mut [Option<SyncSender<Message>>], message: &Message) -> bool {
    for slot in senders.iter_mut() {
        if slot
            .as_ref()
            .is_some_and(|sender| sender.send(message.clone()).is_err())
        {
            *slot = None;
        }
    }
    senders.iter().any(Option::is_some)
}
