//! One answer on its way, read by a thread of its own, so that the user can stop it at any moment.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use ureq::http::HeaderMap;

use super::client::{Client, header};
use super::error::NetError;
use super::url::{host_of, shown};
use crate::progress::Progress;

/// Between two looks at whether the user wants it to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Bytes of a piece; eight of them at most are under way.
const PIECE: usize = 128 << 10;

/// What comes, in order: a head, pieces, an end.
#[derive(Debug)]
pub(in crate::base) enum Message {
    /// The status and the headers.
    Head(Head),
    /// Bytes.
    Piece(Vec<u8>),
    /// All has come.
    End,
}

/// The beginning of an answer.
#[derive(Debug, Clone, Default)]
pub(in crate::base) struct Head {
    pub(in crate::base) status: u16,
    pub(in crate::base) etag: Option<String>,
    pub(in crate::base) last_modified: Option<String>,
    pub(in crate::base) content_range: Option<String>,
}

impl Head {
    fn of(status: u16, headers: &HeaderMap) -> Self {
        Self {
            status,
            etag: header(headers, "etag"),
            last_modified: header(headers, "last-modified"),
            content_range: header(headers, "content-range"),
        }
    }
}

/// An answer on its way.
#[derive(Debug)]
pub(in crate::base) struct Transfer {
    client: Client,
    url: String,
    messages: Receiver<Result<Message, NetError>>,
}

impl Client {
    /// Asks for `url` in a thread of its own.
    pub(in crate::base) fn start(
        &self,
        url: &str,
        headers: Vec<(&'static str, String)>,
    ) -> Transfer {
        let (sender, messages) = sync_channel(8);
        let (client, from) = (self.clone(), url.to_owned());
        thread::spawn(move || {
            if let Err(error) = client.run(&from, &headers, &sender) {
                // Nobody listens if the user wanted it to stop.
                let _ = sender.send(Err(error));
            }
        });
        Transfer {
            client: self.clone(),
            url: url.to_owned(),
            messages,
        }
    }

    fn run(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        to: &SyncSender<Result<Message, NetError>>,
    ) -> Result<(), NetError> {
        let response = self.get(url, headers)?;
        let head = Head::of(response.status().as_u16(), response.headers());
        if to.send(Ok(Message::Head(head))).is_err() {
            return Ok(());
        }
        let mut body = response
            .into_body()
            .into_with_config()
            .limit(u64::MAX)
            .reader();
        loop {
            let mut piece = vec![0; PIECE];
            let count = body
                .read(&mut piece)
                .map_err(|error| self.failure(error.into(), url, None))?;
            piece.truncate(count);
            let message = if count == 0 {
                Message::End
            } else {
                Message::Piece(piece)
            };
            if to.send(Ok(message)).is_err() || count == 0 {
                return Ok(());
            }
        }
    }
}

impl Transfer {
    /// Waits for what comes next, or for the user to say that it shall stop.
    pub(in crate::base) fn next(&self, progress: &dyn Progress) -> Result<Message, NetError> {
        loop {
            if progress.cancelled() {
                self.client.shut_down();
                return Err(NetError::Interrupted {
                    url: shown(&self.url),
                });
            }
            match self.messages.recv_timeout(LOOK_EVERY) {
                Ok(message) => return message,
                Err(RecvTimeoutError::Timeout) => {}
                // The thread has ended without a last message.
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(NetError::Cut {
                        host: host_of(&self.url),
                        source: std::io::ErrorKind::UnexpectedEof.into(),
                    });
                }
            }
        }
    }

    /// Waits for the head.
    pub(in crate::base) fn head(&self, progress: &dyn Progress) -> Result<Head, NetError> {
        match self.next(progress)? {
            Message::Head(head) => Ok(head),
            Message::Piece(_) | Message::End => Ok(Head::default()),
        }
    }
}
