//! A warehouse that is not ours works by files: tasks go out, parcels and counts come in.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sandbox::Act;
use serde_json::{Value, json};

use super::{Story, text};

const NORTH: &str = "
[[locations]]
id = \"berlin\"
country = \"DE\"
priority = 1

[[locations]]
id = \"north\"
name = \"Somebody else's warehouse\"
country = \"DE\"
priority = 2
";

/// The manifest, and the folders beside it.
fn manifest(story: &Story) -> PathBuf {
    let folder = story.world.dir.path().join("north");
    for name in ["in", "out"] {
        fs::create_dir_all(folder.join(name)).expect("our own folder");
    }
    let path = folder.join("north.toml");
    let text = "name = \"north\"\nlocation = \"north\"\noutgoing = \"out\"\nincoming = \"in\"\n";
    fs::write(&path, text).expect("our own file");
    path
}

/// The task that the partner takes from its folder.
fn taken(folder: &Path) -> Value {
    let mut files = fs::read_dir(folder.join("out")).expect("our own folder");
    let file = files.find_map(|entry| {
        let path = entry.expect("an entry").path();
        let is_task = path.extension().is_some_and(|ending| ending == "json");
        is_task.then_some(path)
    });
    let file = file.expect("a task was written out");
    let task = serde_json::from_slice(&fs::read(&file).expect("a file")).expect("JSON");
    fs::remove_file(&file).expect("it is taken");
    task
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partner_works_by_files() {
    let story = Story::begins_with(NORTH).await;
    let path = manifest(&story);
    let folder = path.parent().expect("a folder").to_owned();
    let asked = ["partner", "exchange", path.to_str().expect("a path")];
    story.moves("VASE", 9, ("berlin", "north")).await;
    let sold = story.sold("web-shop", &[("VASE", 1)]).await;
    let told = story.tells(&asked).await;
    assert!(told.contains("1 task written out"), "{told}");
    let task = taken(&folder);
    assert_eq!(task["lines"][0]["sku"], "VASE", "{task}");
    assert!(!text(&task["ship_to"]["city"]).is_empty(), "{task}");
    let told = story.tells(&asked).await;
    assert!(told.contains("0 tasks written out"), "{told}");
    let left = json!({
        "shipments": [{ "task": task["task"], "carrier": "DHL", "tracking_number": "N1" }],
        "counts": [{ "sku": "VASE", "units": 8 }],
    });
    let file = folder.join("in/evening.json");
    // It arrives twice, which changes nothing.
    for _ in 0..2 {
        fs::write(&file, left.to_string()).expect("our own file");
        let told = story.tells(&asked).await;
        assert!(told.contains("1 file read in"), "{told}");
        assert!(!file.exists());
        story.comes_to(&sold, "shipped").await;
    }
    assert_eq!(story.stock("VASE").await["on_hand"], 8);

    // What the buyer cancels is taken back, and does not leave.
    let other = story.sold("market", &[("VASE", 1)]).await;
    story.tells(&asked).await;
    let task = taken(&folder);
    let canceled = story.happens("market", &Act::Cancel(other.id.clone()));
    assert!(canceled.is_ok(), "{canceled:?}");
    story.comes_to(&other, "canceled").await;
    let late = json!({
        "shipments": [{ "task": task["task"], "carrier": "DHL", "tracking_number": "N2" }],
    });
    fs::write(&file, late.to_string()).expect("our own file");
    let refused = story.tries(&asked).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("1 task taken back"), "{refused:?}");
    assert!(folder.join("in/failed/evening.json.reason.txt").exists());
    assert_eq!(taken(&folder)["withdrawn"], true);
    assert_eq!(story.stock("VASE").await["on_hand"], 8);
    story.ends().await;
}
