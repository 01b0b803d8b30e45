//! The official index and its images, from a site of our own.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use image::base::net::{Client, NetConfig};
use image::base::official::{Age, Archive, OfficialImage, Site, prepare, stored_path};
use image::{Architecture, Progress, Silent};

use crate::server::{Asked, Fault};
use crate::site::{Fixture, INDEX, PACKED};
use crate::support::{run, tool};

fn ranges(asked: &[Asked]) -> Vec<(u16, Option<&str>, usize)> {
    asked
        .iter()
        .map(|asked| (asked.status, asked.range.as_deref(), asked.sent))
        .collect()
}

#[test]
fn an_image_is_fetched_unpacked_with_its_holes_and_proved() {
    let fixture = Fixture::new();
    let image = fixture.image();
    let path = fixture.fetch().unwrap();
    run(tool("cmp").arg(&path).arg(fixture.bench.base()));
    let about = fs::metadata(&path).unwrap();
    assert!(about.blocks() * 512 < about.len() / 4, "{about:?}");
    assert_eq!(
        stored_path(&image, &fixture.cache()).as_deref(),
        Some(&*path)
    );
    let name = image.file_name();
    assert_eq!(
        fixture.cached(),
        [
            format!("bases/{name}"),
            format!("bases/{}", name.replace(".img", ".json"))
        ]
    );
    let agent = fixture.server.asked().remove(0).user_agent.unwrap();
    assert!(agent.starts_with("provision/"), "{agent}");
}

#[test]
fn a_download_that_is_cut_goes_on_where_it_was() {
    let fixture = Fixture::new();
    let (size, third) = (fixture.packed.len(), fixture.packed.len() / 3);
    fixture
        .server
        .faults(PACKED, [Fault::Cut(third), Fault::Cut(third)]);
    let path = fixture.fetch().unwrap();
    run(tool("cmp").arg(&path).arg(fixture.bench.base()));
    let asked = fixture.server.asked();
    let second = format!("bytes={third}-");
    let third_try = format!("bytes={}-", 2 * third);
    assert_eq!(
        ranges(&asked),
        [
            (200, None, third),
            (206, Some(&*second), third),
            (206, Some(&*third_try), size - 2 * third),
        ]
    );
    assert!(asked[1].if_range.is_some());
}

#[test]
fn a_later_run_goes_on_with_what_an_earlier_one_has_left() {
    let fixture = Fixture::new();
    let half = fixture.packed.len() / 2;
    // Cut once, and then nothing comes any more.
    fixture.server.faults(
        PACKED,
        [
            Fault::Cut(half),
            Fault::Cut(0),
            Fault::Cut(0),
            Fault::Cut(0),
            Fault::Cut(0),
        ],
    );
    let error = fixture.fetch().unwrap_err();
    insta::assert_snapshot!(fixture.words(&error), @r"
    the connection to [SITE] was cut
      because Peer disconnected
    ");
    assert!(error.hint().unwrap().contains("what has come is kept"));
    fixture.server.faults(PACKED, []);
    let path = fixture.fetch().unwrap();
    run(tool("cmp").arg(&path).arg(fixture.bench.base()));
    let range = format!("bytes={half}-");
    assert_eq!(
        ranges(&fixture.server.asked()),
        [(206, Some(&*range), fixture.packed.len() - half)]
    );
}

#[test]
fn a_server_without_ranges_and_a_file_that_changed_begin_again() {
    for fault in [Fault::WholeOnly, Fault::IgnoreIfRange] {
        let fixture = Fixture::new();
        let half = fixture.packed.len() / 2;
        let image = fixture.image();
        fixture
            .server
            .faults(PACKED, [Fault::Cut(half), fault.clone()]);
        if fault == Fault::IgnoreIfRange {
            // Another file is there first; its rest must not be joined to what comes later.
            fixture.server.put(PACKED, vec![7; fixture.packed.len()]);
            fixture.server.faults(
                PACKED,
                [
                    Fault::Cut(half),
                    Fault::Cut(0),
                    Fault::Cut(0),
                    Fault::Cut(0),
                    Fault::Cut(0),
                ],
            );
            fixture.fetch().unwrap_err();
            fixture.server.put(PACKED, fixture.packed.clone());
            fixture.server.faults(PACKED, [fault.clone()]);
        }
        let path = prepare(
            &image,
            &fixture.site(),
            &fixture.cache(),
            Archive::Remove,
            &mut Silent,
        )
        .unwrap();
        run(tool("cmp").arg(&path).arg(fixture.bench.base()));
        let last = fixture.server.asked().pop().unwrap();
        assert_eq!(
            (last.status, last.sent),
            (200, fixture.packed.len()),
            "{fault:?}"
        );
    }
}

#[test]
fn an_etag_that_changed_begins_again_by_the_servers_own_judgement() {
    let fixture = Fixture::new();
    let half = fixture.packed.len() / 2;
    fixture.server.put(PACKED, vec![7; fixture.packed.len()]);
    fixture.server.faults(
        PACKED,
        [
            Fault::Cut(half),
            Fault::Cut(0),
            Fault::Cut(0),
            Fault::Cut(0),
            Fault::Cut(0),
        ],
    );
    fixture.fetch().unwrap_err();
    fixture.server.put(PACKED, fixture.packed.clone());
    fixture.server.faults(PACKED, []);
    let path = fixture.fetch().unwrap();
    run(tool("cmp").arg(&path).arg(fixture.bench.base()));
    let asked = fixture.server.asked();
    assert_eq!(
        ranges(&asked),
        [(200, Some(&*format!("bytes={half}-")), fixture.packed.len())]
    );
}

#[test]
fn an_archive_that_is_whole_already_is_not_asked_for_again() {
    let fixture = Fixture::with(|entry| {
        entry.as_object_mut().unwrap().remove("image_download_size");
    });
    let image = fixture.image();
    let all = fixture.packed.len();
    // All has come, but not the word that this is all.
    fixture
        .server
        .put(PACKED, [&fixture.packed[..], b"x"].concat());
    fixture
        .server
        .faults(PACKED, [Fault::Cut(all), Fault::Status(503)]);
    fixture.fetch().unwrap_err();
    fixture.server.put(PACKED, fixture.packed.clone());
    fixture.server.faults(PACKED, [Fault::IgnoreIfRange]);
    fixture.server.asked();
    prepare(
        &image,
        &fixture.site(),
        &fixture.cache(),
        Archive::Remove,
        &mut Silent,
    )
    .unwrap();
    assert_eq!(
        ranges(&fixture.server.asked()),
        [(416, Some(&*format!("bytes={all}-")), 0)]
    );
}

#[test]
fn a_redirect_is_followed_and_the_mirror_stands_for_the_host() {
    let fixture = Fixture::new();
    let image = fixture.image();
    let away = OfficialImage {
        url: image
            .url
            .replace("http://127.0.0.1", "https://user:secret@downloads.invalid"),
        ..image
    };
    fixture.server.put(&format!("/pi{PACKED}"), &b""[..]);
    fixture.server.faults(
        &format!("/pi{PACKED}"),
        [Fault::Redirect(PACKED.to_owned())],
    );
    let client = Client::new(&NetConfig::default()).unwrap();
    let site = Site::new(
        client,
        fixture.server.url(INDEX),
        Some(fixture.server.url("/pi/")),
    );
    let path = prepare(&away, &site, &fixture.cache(), Archive::Keep, &mut Silent).unwrap();
    run(tool("cmp").arg(&path).arg(fixture.bench.base()));
    // The archive was to be kept: the image can be made again without the site.
    fs::remove_file(&path).unwrap();
    drop(fixture.server);
    let again = prepare(
        &away,
        &site,
        &fixture.bench.path("cache"),
        Archive::Keep,
        &mut Silent,
    )
    .unwrap();
    run(tool("cmp").arg(&again).arg(fixture.bench.base()));
}

#[test]
fn without_a_network_the_copies_do() {
    let fixture = Fixture::new();
    let path = fixture.fetch().unwrap();
    let (site, cache) = (fixture.site(), fixture.cache());
    let Fixture { bench, server, .. } = fixture;
    drop(server);
    let loaded = site.index(&cache, Age::Newest, &mut Silent).unwrap();
    assert!(loaded.fetched.is_some());
    assert!(
        loaded
            .unreached
            .unwrap()
            .to_string()
            .ends_with("can't be reached")
    );
    let image = loaded
        .index
        .find("raspios-lite", Architecture::Arm64)
        .unwrap()
        .clone();
    assert_eq!(
        prepare(&image, &site, &cache, Archive::Remove, &mut Silent).unwrap(),
        path
    );
    run(tool("cmp").arg(&path).arg(bench.base()));
    // An image that was tampered with in its size is as good as none.
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(4096)
        .unwrap();
    let error = prepare(&image, &site, &cache, Archive::Remove, &mut Silent).unwrap_err();
    assert!(error.is_out_of_reach(), "{error}");
}

#[test]
fn an_index_is_asked_for_again_only_when_it_is_old_and_sent_only_when_it_has_changed() {
    let fixture = Fixture::new();
    let (site, cache) = (fixture.site(), fixture.cache());
    let now = SystemTime::now();
    let day = Duration::from_hours(24);
    for age in [
        Age::Newest,
        Age::Within(day, now),
        Age::Newest,
        Age::Within(day, now + 2 * day),
    ] {
        site.index(&cache, age, &mut Silent).unwrap();
    }
    let statuses: Vec<_> = fixture
        .server
        .asked()
        .iter()
        .map(|asked| asked.status)
        .collect();
    assert_eq!(statuses, [200, 304, 304]);
}

#[test]
fn two_that_want_the_same_image_fetch_it_once() {
    let fixture = Fixture::new();
    let image = fixture.image();
    fixture.server.asked();
    let (site, cache) = (fixture.site(), fixture.cache());
    let get = || prepare(&image, &site, &cache, Archive::Remove, &mut Silent).unwrap();
    let both = std::thread::scope(|scope| {
        [(); 2]
            .map(|()| scope.spawn(get))
            .map(|thread| thread.join().unwrap())
    });
    assert_eq!(both[0], both[1]);
    assert_eq!(fixture.server.asked().len(), 1);
}

/// Wants it to stop as soon as something has come.
struct Impatient(bool);

impl Progress for Impatient {
    fn begin(&mut self, step: &str, _total: Option<u64>) {
        self.0 = step.starts_with("Downloading");
    }
    fn advance(&mut self, _amount: u64) {}
    fn detail(&mut self, _text: &str) {}
    fn end(&mut self, _summary: &str) {}
    fn warn(&mut self, _text: &str) {}
    fn cancelled(&self) -> bool {
        self.0
    }
}

#[test]
fn whoever_wants_to_stop_does_not_wait_for_the_site() {
    let fixture = Fixture::new();
    fixture.server.faults(PACKED, [Fault::Stall(0)]);
    let error = fixture.fetch_with(&mut Impatient(false)).unwrap_err();
    assert!(error.is_interrupted(), "{error}");
    assert!(image::Error::from(error).is_interrupted());
}
