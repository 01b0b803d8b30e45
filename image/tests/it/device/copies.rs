//! What is written onto cards, good and bad ones, and in which order.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use image::Silent;
use image::bmap::Bmap;
use image::device::{Layout, Source, SourceError, TargetError, flash};

use super::memory::{Fault, Memory};
use crate::support::{Bench, Features, Impatient, run, tool};

const MIB: u64 = 1 << 20;
const CARD: u64 = 96 * MIB;

/// A card image with a file of random bytes on it, and holes.
fn bench() -> Bench {
    Bench::with(Features::Trixie, |tree| {
        let mut dd = tool("dd");
        dd.arg("if=/dev/urandom")
            .args(["bs=1M", "count=12", "status=none"]);
        run(dd.arg(format!("of={}", tree.join("usr/bin/large").display())));
    })
}

fn source(bench: &Bench) -> (Source, Layout) {
    let source = Source::open(&bench.base()).unwrap();
    let layout = Layout::of_source(&source).unwrap();
    (source, layout)
}

/// The block map that `bmaptool` makes.
fn map(image: &Path) -> PathBuf {
    let map = image.with_extension("img.bmap");
    run(tool("bmaptool")
        .args(["--quiet", "create", "-o"])
        .arg(&map)
        .arg(image));
    map
}

fn head_is_blank(card: &Memory) -> bool {
    card.bytes()[..usize::try_from(MIB).unwrap()]
        .iter()
        .all(|byte| *byte == 0)
}

#[test]
fn a_used_card_gets_the_image_with_its_holes_and_keeps_what_is_behind() {
    let bench = bench();
    let (source, layout) = source(&bench);
    let image = fs::read(bench.base()).unwrap();
    for sector in [512, 4096] {
        let card = Memory::new(CARD, Fault::None).with_sectors(sector);
        let done = flash(&source, &layout, vec![card.destination("sdb")]);
        done.source.unwrap();
        let counts = *done.cards[0].as_ref().unwrap();
        assert!(card.bytes().starts_with(&image));
        assert!(card.bytes()[image.len()..].iter().all(|byte| *byte == 0xA5));
        assert_eq!(counts.written + counts.zeroed, image.len() as u64);
        assert_eq!(counts.checked, image.len() as u64);
        assert!(counts.zeroed > 0 && counts.written > 12 * MIB, "{counts:?}");
    }
}

#[test]
fn with_a_map_only_what_matters_is_written() {
    let bench = bench();
    let source = Source::open(&bench.base()).unwrap();
    let map = Bmap::parse(&fs::read(map(&bench.base())).unwrap()).unwrap();
    let card = Memory::new(CARD, Fault::None);
    let done = flash(
        &source,
        &Layout::of_map(&map),
        vec![card.destination("sdb")],
    );
    done.source.unwrap();
    let counts = done.cards[0].as_ref().unwrap();
    assert_eq!(counts.written + counts.zeroed, map.mapped_bytes());
    let (image, card) = (fs::read(bench.base()).unwrap(), card.bytes());
    let mut matters = vec![false; image.len()];
    for range in map.ranges() {
        let bytes = map.bytes(range);
        for place in bytes {
            matters[usize::try_from(place).unwrap()] = true;
        }
    }
    // The first MiB is blanked whatever the map says.
    for (place, matters) in matters.iter().enumerate().skip(1 << 20) {
        let wanted = if *matters { image[place] } else { 0xA5 };
        assert_eq!(card[place], wanted, "byte {place}");
    }
    assert_eq!(card[..1 << 20], image[..1 << 20]);
}

#[test]
fn one_wrong_byte_is_found_and_the_card_does_not_get_its_head() {
    let bench = bench();
    let (source, layout) = source(&bench);
    // The file of random bytes is somewhere in the root partition; this is well within what is written.
    let place = written_place(&layout);
    let card = Memory::new(CARD, Fault::Flips(place));
    let done = flash(&source, &layout, vec![card.destination("sdb")]);
    done.source.unwrap();
    let error = done.cards.into_iter().next().unwrap().unwrap_err();
    let TargetError::Differs {
        at, length, zeros, ..
    } = error
    else {
        unreachable!("{error}")
    };
    assert!(
        (at..at + length).contains(&place) && length <= 64 << 10,
        "{at} {length}"
    );
    assert!(!zeros);
    assert!(head_is_blank(&card));
}

/// A byte in the middle of the largest run of data.
fn written_place(layout: &Layout) -> u64 {
    let data = layout.extents().iter().filter(|extent| {
        matches!(extent.kind, image::device::ExtentKind::Data(_)) && extent.bytes.start >= MIB
    });
    let largest = data
        .max_by_key(|extent| extent.bytes.end - extent.bytes.start)
        .unwrap();
    largest.bytes.start.midpoint(largest.bytes.end)
}

#[test]
fn a_wrong_byte_in_the_head_is_found_too() {
    let bench = bench();
    let (source, layout) = source(&bench);
    let card = Memory::new(CARD, Fault::Flips(510));
    let done = flash(&source, &layout, vec![card.destination("sdb")]);
    let error = done.cards[0].as_ref().unwrap_err();
    assert!(
        matches!(error, TargetError::Differs { at: 0, .. }),
        "{error}"
    );
}

#[test]
fn a_fake_that_is_smaller_than_it_says_is_found_and_called_so() {
    let bench = bench();
    let (source, layout) = source(&bench);
    let place = written_place(&layout);
    let card = Memory::new(CARD, Fault::Loses(place));
    card.change(0, &vec![0; usize::try_from(CARD).unwrap()]);
    let done = flash(&source, &layout, vec![card.destination("sdb")]);
    let error = done.cards[0].as_ref().unwrap_err();
    assert!(
        matches!(error, TargetError::Differs { zeros: true, .. }),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("a fake"));
}

#[test]
fn cards_that_fail_do_not_stop_the_others() {
    let bench = bench();
    let (source, layout) = source(&bench);
    let image = fs::read(bench.base()).unwrap();
    let place = written_place(&layout);
    let good = [
        Memory::new(CARD, Fault::None),
        Memory::new(CARD, Fault::None),
    ];
    let bad = [
        Memory::new(CARD, Fault::Fails(place)),
        Memory::new(CARD, Fault::Flips(place)),
    ];
    let small = Memory::new(20 * MIB, Fault::None);
    let done = flash(
        &source,
        &layout,
        vec![
            bad[0].destination("sda"),
            good[0].destination("sdb"),
            bad[1].destination("sdc"),
            small.destination("sdd"),
            good[1].destination("sde"),
        ],
    );
    done.source.unwrap();
    let shown = done.cards.iter().map(|result| match result {
        Ok(_) => "done".to_owned(),
        Err(error) => error
            .to_string()
            .split(" at byte")
            .next()
            .unwrap()
            .to_owned(),
    });
    let shown: Vec<_> = shown.collect();
    assert_eq!(shown[0], "cannot write /dev/sda");
    assert!(
        shown[2].starts_with("/dev/sdc does not read back"),
        "{shown:?}"
    );
    assert_eq!(
        shown[3],
        "the image does not fit on /dev/sdd, which has 20971520 bytes"
    );
    for (index, card) in [1, 4].into_iter().zip(&good) {
        assert_eq!(shown[index], "done");
        assert!(card.bytes().starts_with(&image));
    }
    for card in bad.iter().chain([&small]) {
        assert!(head_is_blank(card));
    }
}

#[test]
fn if_all_cards_fail_the_image_is_not_read_to_its_end() {
    let bench = bench();
    let (source, layout) = source(&bench);
    let card = Memory::new(CARD, Fault::Fails(0));
    let done = flash(&source, &layout, vec![card.destination("sdb")]);
    done.source.unwrap();
    let error = done.cards[0].as_ref().unwrap_err();
    assert!(matches!(error, TargetError::Write { at: 0, .. }), "{error}");
}

#[test]
fn what_was_written_before_is_compared_and_only_what_differs_is_written_again() {
    let bench = bench();
    let (source, layout) = source(&bench);
    let image = fs::read(bench.base()).unwrap();
    let place = written_place(&layout);
    let card = Memory::new(CARD, Fault::Fails(place));
    let first = flash(&source, &layout, vec![card.destination("sdb")]);
    assert!(first.cards[0].is_err());
    // Something has happened to it in between, in what the journal calls written.
    card.change(17 << 20, b"changed");
    let card = card.mended();
    let mut destination = card.destination("sdb");
    destination.written_before = place / (4 * MIB) * (4 * MIB);
    let second = flash(&source, &layout, vec![destination]);
    let counts = second.cards[0].as_ref().unwrap();
    assert!(card.bytes().starts_with(&image));
    assert!(counts.found > 0 && counts.written > 0, "{counts:?}");
    assert_eq!(
        counts.found + counts.written + counts.zeroed,
        image.len() as u64
    );
    assert_eq!(counts.checked, image.len() as u64);
}

#[test]
fn a_journal_that_lies_does_no_harm() {
    let bench = bench();
    let (source, layout) = source(&bench);
    let card = Memory::new(CARD, Fault::None);
    let mut destination = card.destination("sdb");
    destination.written_before = u64::MAX;
    let done = flash(&source, &layout, vec![destination]);
    assert!(done.cards[0].is_ok());
    assert!(card.bytes().starts_with(&fs::read(bench.base()).unwrap()));
}

#[test]
fn the_journal_is_told_in_steps_and_the_second_table_of_a_gpt_is_removed() {
    let bench = bench();
    // Half a gigabyte of holes at its end, so that there is something to tell.
    fs::File::options()
        .write(true)
        .open(bench.base())
        .unwrap()
        .set_len(600 * MIB)
        .unwrap();
    let (source, layout) = source(&bench);
    let card = Memory::new(640 * MIB, Fault::None);
    card.change(usize::try_from(640 * MIB - 512).unwrap(), b"EFI PART");
    let told = AtomicU64::new(0);
    let calls = AtomicU64::new(0);
    let mut destination = card.destination("sdb");
    let checkpoint = |at| {
        assert!(told.swap(at, Ordering::Relaxed) < at);
        calls.fetch_add(1, Ordering::Relaxed);
    };
    destination.checkpoint = Box::new(checkpoint);
    let done = flash(&source, &layout, vec![destination]);
    assert!(done.cards[0].is_ok());
    assert!((2..=10).contains(&calls.load(Ordering::Relaxed)));
    let bytes = card.bytes();
    assert!(bytes[bytes.len() - 512..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_map_that_is_not_the_images_is_found_out() {
    let bench = bench();
    let map = Bmap::parse(&fs::read(map(&bench.base())).unwrap()).unwrap();
    let (source, layout) = (Source::open(&bench.base()).unwrap(), Layout::of_map(&map));
    let place = written_place(&layout);
    let image = fs::File::options().write(true).open(bench.base()).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&image, b"otherwise", place).unwrap();
    let card = Memory::new(CARD, Fault::None);
    let done = flash(&source, &layout, vec![card.destination("sdb")]);
    let error = done.source.unwrap_err();
    assert!(
        matches!(error, SourceError::Range { start, end, .. } if (start..end).contains(&place)),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("--no-bmap"));
    assert!(matches!(done.cards[0], Err(TargetError::NoMore { .. })));
    assert!(head_is_blank(&card));
}

#[test]
fn an_interrupted_card_can_not_boot_wherever_it_was() {
    let bench = bench();
    let (source, layout) = source(&bench);
    let size = source.size();
    for stop in [1, size / 2, size + size / 2] {
        let card = Memory::new(CARD, Fault::None);
        let mut destination = card.destination("sdb");
        destination.progress = Box::new(Impatient::after_bytes(stop));
        let done = flash(&source, &layout, vec![destination]);
        let error = done.cards[0].as_ref().unwrap_err();
        assert!(matches!(error, TargetError::Interrupted { .. }), "{error}");
        assert!(head_is_blank(&card));
    }
    let card = Memory::new(CARD, Fault::None);
    let mut destination = card.destination("sdb");
    destination.progress = Box::new(Silent);
    assert!(flash(&source, &layout, vec![destination]).cards[0].is_ok());
    assert!(!head_is_blank(&card));
}
