//! A long step on its way: a bar, plain lines or JSON lines, as the policy says.

use std::time::{Duration, Instant};

use image::Progress;
use indicatif::{ProgressBar, ProgressStyle as BarStyle};

use super::{Output, ProgressStyle, duration};

/// Between two plain lines of one step.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// Shows one step after another. Several tasks may run in threads of their own.
#[derive(Debug)]
pub struct Task {
    output: Output,
    bar: Option<ProgressBar>,
    step: String,
    total: Option<u64>,
    done: u64,
    detail: String,
    begun: Instant,
    said: Instant,
}

impl Task {
    pub(super) fn new(output: Output) -> Self {
        let now = Instant::now();
        Self {
            output,
            bar: None,
            step: String::new(),
            total: None,
            done: 0,
            detail: String::new(),
            begun: now,
            said: now,
        }
    }

    fn style(&self) -> ProgressStyle {
        self.output.policy().progress
    }

    fn percent(&self) -> Option<u64> {
        self.total
            .filter(|total| *total > 0)
            .map(|total| self.done.min(total) * 100 / total)
    }

    /// Says where the step stands, at most once in five seconds.
    fn tick(&mut self) {
        if self.said.elapsed() < PLAIN_INTERVAL {
            return;
        }
        self.said = Instant::now();
        match self.style() {
            ProgressStyle::Plain => {
                let percent = self
                    .percent()
                    .map_or_else(String::new, |percent| format!(" {percent} %"));
                let detail = if self.detail.is_empty() {
                    String::new()
                } else {
                    format!(": {}", self.detail)
                };
                let elapsed = duration(self.begun.elapsed());
                self.output
                    .note(&format!("{}{percent} ({elapsed}){detail}", self.step));
            }
            ProgressStyle::Json => self.report("progress", &self.step),
            ProgressStyle::Bar | ProgressStyle::None => {}
        }
    }

    fn report(&self, event: &str, text: &str) {
        let value = serde_json::json!({
            "event": event,
            "step": text,
            "done": self.done,
            "total": self.total,
            "seconds": self.begun.elapsed().as_secs(),
        });
        self.output.line(&value.to_string());
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            self.output.bars().remove(&bar);
        }
    }
}

impl Progress for Task {
    fn begin(&mut self, step: &str, total: Option<u64>) {
        self.clear();
        step.clone_into(&mut self.step);
        (self.total, self.done, self.begun, self.said) = (total, 0, Instant::now(), Instant::now());
        self.detail.clear();
        match self.style() {
            ProgressStyle::Bar => {
                let bar = self
                    .output
                    .bars()
                    .add(total.map_or_else(ProgressBar::new_spinner, ProgressBar::new));
                let template = if total.is_some() {
                    "{msg:32!} [{bar:24}] {percent:>3} % {elapsed} {prefix}"
                } else {
                    "{spinner} {msg} {elapsed}"
                };
                // A template that is a constant of this file parses.
                bar.set_style(
                    BarStyle::with_template(template)
                        .unwrap_or_else(|_| BarStyle::default_bar())
                        .progress_chars("=> "),
                );
                bar.set_message(self.step.clone());
                bar.enable_steady_tick(Duration::from_millis(120));
                self.bar = Some(bar);
            }
            ProgressStyle::Json => self.report("begin", step),
            ProgressStyle::Plain | ProgressStyle::None => {}
        }
    }

    fn advance(&mut self, amount: u64) {
        self.done += amount;
        if let Some(bar) = &self.bar {
            bar.inc(amount);
        }
        self.tick();
    }

    fn detail(&mut self, text: &str) {
        text.clone_into(&mut self.detail);
        match (&self.bar, self.total) {
            (Some(bar), None) => bar.set_message(format!("{}: {text}", self.step)),
            (Some(bar), Some(_)) => bar.set_prefix(text.to_owned()),
            (None, _) => {}
        }
        self.tick();
    }

    fn end(&mut self, summary: &str) {
        self.clear();
        if self.style() == ProgressStyle::Json {
            self.report("end", summary);
        } else {
            self.output
                .status(&format!("{summary} in {}", duration(self.begun.elapsed())));
        }
    }

    fn warn(&mut self, text: &str) {
        self.output.warn(text);
    }

    fn cancelled(&self) -> bool {
        self.output.is_interrupted()
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.clear();
    }
}
