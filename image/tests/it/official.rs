//! The official index and its images, from a site of our own.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use image::base::net::{Client, NetConfig};
use image::base::official::{
    Age, Archive, Index, OfficialError, OfficialImage, Site, prepare, stored_path,
};
use image::{Architecture, Progress, Silent};

use crate::server::{Asked, Fault, Server};
use crate::support::{Bench, Features, chain, run, tool};

const INDEX: &str = "/os_list.json";
const PACKED: &str = "/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz";

/// A site with one image, which the real xz has packed, and an empty cache.
struct Fixture {
    bench: Bench,
    server: Server,
    packed: Vec<u8>,
}

fn sha256(path: &Path) -> String {
    let sum = run(tool("sha256sum").arg(path));
    sum.split(' ').next().unwrap().to_owned()
}

impl Fixture {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// `change` has its hand in the image's entry of the index.
    fn with(change: impl FnOnce(&mut serde_json::Value)) -> Self {
        let bench = Bench::new(Features::Trixie);
        run(tool("xz")
            .args(["--keep", "--threads=2", "-1"])
            .arg(bench.base()));
        let archive = bench.path("base.img.xz");
        let packed = fs::read(&archive).unwrap();
        let server = Server::start();
        let mut entry = serde_json::json!({
            "name": "Raspberry Pi OS Lite (64-bit)",
            "description": "A port of Debian Trixie with no desktop environment",
            "icon": server.url("/icon.png"),
            "url": server.url(PACKED),
            "extract_size": fs::metadata(bench.base()).unwrap().len(),
            "extract_sha256": sha256(&bench.base()),
            "image_download_size": packed.len(),
            "image_download_sha256": sha256(&archive),
            "release_date": "2026-06-18",
            "devices": ["pi5-64bit", "pi4-64bit", "pi3-64bit"],
            "init_format": "cloudinit-rpi",
        });
        change(&mut entry);
        let index = serde_json::json!({
            "imager": {"latest_version": "2.0.11"},
            "os_list": [{"name": "Raspberry Pi OS (other)", "description": "", "subitems": [entry]}],
        });
        server.put(INDEX, index.to_string());
        server.put(PACKED, packed.clone());
        Self {
            bench,
            server,
            packed,
        }
    }

    fn cache(&self) -> PathBuf {
        self.bench.path("cache")
    }

    fn site(&self) -> Site {
        let config = NetConfig {
            stall: Duration::from_secs(1),
            pause: Duration::from_millis(10),
            ..NetConfig::default()
        };
        Site::new(Client::new(&config).unwrap(), self.server.url(INDEX), None)
    }

    fn image(&self) -> OfficialImage {
        let loaded = self
            .site()
            .index(&self.cache(), Age::Newest, &mut Silent)
            .unwrap();
        loaded
            .index
            .find("raspios-lite", Architecture::Arm64)
            .unwrap()
            .clone()
    }

    fn fetch(&self) -> Result<PathBuf, OfficialError> {
        self.fetch_with(&mut Silent)
    }

    fn fetch_with(&self, progress: &mut dyn Progress) -> Result<PathBuf, OfficialError> {
        let image = self.image();
        self.server.asked();
        prepare(
            &image,
            &self.site(),
            &self.cache(),
            Archive::Remove,
            progress,
        )
    }

    /// An error with its causes, without what is different in each run.
    fn words(&self, error: &OfficialError) -> String {
        let host = self.server.url("");
        chain(error)
            .replace(&host, "http://[SITE]")
            .replace(host.trim_start_matches("http://"), "[SITE]")
            .replace(self.bench.folder.path().to_str().unwrap(), "[DIR]")
            .replace(&sha256(&self.bench.base())[..16], "[SHA]")
    }

    /// What lies in the cache beside locks.
    fn cached(&self) -> Vec<String> {
        let names = |folder: &str| -> Vec<String> {
            let Ok(entries) = fs::read_dir(self.cache().join(folder)) else {
                return Vec::new();
            };
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names
                .filter(|name| Path::new(name).extension().is_none_or(|e| e != "lock"))
                .map(|name| format!("{folder}/{name}"))
                .collect()
        };
        let mut all = [names("bases"), names("archives")].concat();
        all.sort();
        all
    }
}

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
fn another_file_than_promised_is_refused_with_both_values_and_removed() {
    let zeros = "0".repeat(64);
    let (digest, contents) = (zeros.clone(), zeros.clone());
    let mut words = String::new();
    for fixture in [
        Fixture::with(|entry| entry["image_download_sha256"] = digest.into()),
        Fixture::with(|entry| entry["extract_sha256"] = contents.into()),
        Fixture::with(|entry| entry["extract_size"] = (50 << 20).into()),
        Fixture::with(|entry| entry["extract_size"] = (500 << 20).into()),
    ] {
        let error = fixture.fetch().unwrap_err();
        let archive = sha256(&fixture.bench.path("base.img.xz"));
        let image = sha256(&fixture.bench.base());
        let text = fixture
            .words(&error)
            .replace(&archive, "[ARCHIVE]")
            .replace(&image.replace(&image[..16], "[SHA]"), "[IMAGE]");
        words += &text.replace(&zeros, "[ZEROS]");
        words.push('\n');
        assert_eq!(fixture.cached(), [""; 0]);
    }
    insta::assert_snapshot!(words, @r"
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz has sha256 [ARCHIVE], and [ZEROS] was promised; it was removed
    raspios-lite 2026-06-18 (arm64) has sha256 [IMAGE] unpacked, and the index says [ZEROS]; the archive was removed
    the archive that was downloaded can't be used
      because [DIR]/cache/archives/raspios-lite-arm64-2026-06-18-[SHA].archive unpacks to more than the 52428800 bytes that it may have
    raspios-lite 2026-06-18 (arm64) unpacks to 71303168 bytes, and the index says 524288000; the archive was removed
    ");
}

#[test]
fn a_truncated_archive_is_refused_as_such() {
    let mut words = String::new();
    for known in [true, false] {
        let fixture = Fixture::with(|entry| {
            if !known {
                let entry = entry.as_object_mut().unwrap();
                entry.remove("image_download_size");
                entry.remove("image_download_sha256");
            }
        });
        fixture
            .server
            .put(PACKED, &fixture.packed[..fixture.packed.len() / 2]);
        let error = fixture.fetch().unwrap_err();
        let (size, half) = (fixture.packed.len(), fixture.packed.len() / 2);
        words += &fixture
            .words(&error)
            .replace(&size.to_string(), "[SIZE]")
            .replace(&half.to_string(), "[HALF]");
        words.push('\n');
        assert_eq!(fixture.cached(), [""; 0]);
    }
    insta::assert_snapshot!(words, @r"
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz is truncated: the server sent [HALF] bytes of [SIZE], and called that all
    the archive that was downloaded can't be used
      because [DIR]/cache/archives/raspios-lite-arm64-2026-06-18-[SHA].archive is incomplete: the xz data ends after [HALF] bytes, in the middle of a block
    ");
}

#[test]
fn every_refusal_has_its_own_clear_word() {
    let fixture = Fixture::new();
    let image = fixture.image();
    let mut words = String::new();
    let faults = [403, 404, 429, 500, 503].map(Fault::Status);
    let circle = Fault::Redirect(PACKED.to_owned());
    let elsewhere = Fault::Redirect("file:///etc/passwd".to_owned());
    for fault in faults
        .into_iter()
        .chain([circle, elsewhere, Fault::Stall(0)])
    {
        fixture.server.faults(PACKED, [fault]);
        let error = prepare(
            &image,
            &fixture.site(),
            &fixture.cache(),
            Archive::Remove,
            &mut Silent,
        )
        .unwrap_err();
        words += &fixture.words(&error);
        words.push('\n');
        if let Some(hint) = error.hint() {
            words.extend(["    ", hint, "\n"]);
        }
    }
    insta::assert_snapshot!(words, @r#"
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz was answered with 403 (forbidden)
        the site, or a proxy before it, lets this program or this network not in; name a mirror with --image-mirror or PROVISION_IMAGE_MIRROR
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz was answered with 404 (not found)
        the index is older than what is there: fetch it again with `provision bases`, or see what --index-url says
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz was answered with 429 (too many requests)
        the site has a trouble of its own: try again later, or name a mirror with --image-mirror
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz was answered with 500 (internal error of the server)
        the site has a trouble of its own: try again later, or name a mirror with --image-mirror
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz was answered with 503 (the server is overloaded or under repair)
        the site has a trouble of its own: try again later, or name a mirror with --image-mirror
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz leads to http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz, and further still: that is a circle
        fetch from a mirror that you trust: --image-mirror https://HOST
    "file:///etc/passwd" is no address that can be fetched: it must begin with https:// or http:// and name a host
    http://[SITE]/raspios_lite_arm64/images/raspios_lite_arm64-2026-06-19/2026-06-18-raspios-trixie-arm64-lite.img.xz has stalled: nothing came for 1 s
        run it again: what has come is kept, and it goes on from there
    "#);
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
fn a_page_in_place_of_the_index_is_refused_and_not_kept() {
    let fixture = Fixture::new();
    fixture
        .server
        .put(INDEX, "<html>Log in to this hotel's network</html>");
    let error = fixture
        .site()
        .index(&fixture.cache(), Age::Newest, &mut Silent)
        .unwrap_err();
    insta::assert_snapshot!(fixture.words(&error), @r"
    http://[SITE]/os_list.json is no index of images
      because it is not JSON
      because expected value at line 1 column 1
    ");
    assert!(fixture.site().copy(&fixture.cache()).is_none());
    fixture.server.put(INDEX, vec![b' '; 17 << 20]);
    let error = fixture
        .site()
        .index(&fixture.cache(), Age::Newest, &mut Silent)
        .unwrap_err();
    insta::assert_snapshot!(fixture.words(&error), @"http://[SITE]/os_list.json has more than the 16777216 bytes that it may have");
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

#[test]
fn an_entry_from_outside_can_not_name_a_file_elsewhere() {
    let fixture = Fixture::new();
    let image = OfficialImage {
        release_date: "../../../..".to_owned(),
        ..fixture.image()
    };
    let error = prepare(
        &image,
        &fixture.site(),
        &fixture.cache(),
        Archive::Remove,
        &mut Silent,
    )
    .unwrap_err();
    assert!(matches!(error, OfficialError::Entry { .. }), "{error}");
    assert_eq!(fixture.cached(), [""; 0]);
    assert!(Index::parse(b"{}").is_err());
}
