//! The sample data, as a second start finds them.

use serde_json::Value;

use crate::support::{Place, Server};

fn lists(server: &Server, token: &str) -> Vec<Value> {
    let bearer = format!("Bearer {token}");
    let list = |environment: &str| {
        let path = format!("/services/lfrjoebloggs-{environment}/backup/list");
        server.get(&path, &[("Authorization", bearer.as_str())]).json()["backups"].clone()
    };
    ["dev", "uat", "prd"].map(list).into()
}

#[test]
fn samples_come_once_and_stay_as_they_are() {
    let place = Place::new();
    let token = place.token();
    let first = place.serve_demo();
    let before = lists(&first, &token);
    let counts: Vec<_> = before.iter().map(|list| list.as_array().unwrap().len()).collect();
    assert_eq!(counts, [2, 3, 7]);
    let newest = &before[2][0];
    assert_eq!(
        (newest["note"].as_str(), newest["creationType"].as_str()),
        (Some("Sample"), Some("auto"))
    );
    assert_eq!(before[1][0]["createdBy"].as_str(), Some("Sample data"));

    let bearer = format!("Bearer {token}");
    for part in ["database", "volume"] {
        let path = format!(
            "/services/lfrjoebloggs-prd/backup/download/{part}/{}",
            newest["backupId"].as_str().unwrap()
        );
        let download = first.get(&path, &[("Authorization", bearer.as_str())]);
        assert_eq!(download.status, 200);
        assert_eq!(download.body.len() as u64, newest[part]["size"].as_u64().unwrap());
        assert!(download.body.starts_with(&[0x1f, 0x8b]));
    }
    assert!(first.stop().0.success());

    let second = place.serve_demo();
    assert_eq!(lists(&second, &token), before);
}
