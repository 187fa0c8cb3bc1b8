//! `GET /`, `/backup/list`, `/backup/{id}`.

use axum::body::Body;
use backup_api::ProblemCode;
use http::{Request, StatusCode};

use crate::support::*;

#[tokio::test]
async fn nobody_sees_anything() {
    let fixture = fixture().await;
    for path in ["/", "/backup/list", "/backup/dxpcloud-a-202611232015"] {
        let request = Request::get(path).extension(backup_service::http::RequestId("request-1".to_owned()));
        let response = fixture.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{path}");
        let schemes: Vec<_> = response.headers().get_all("www-authenticate").iter().collect();
        assert_eq!(
            schemes,
            [
                "Basic realm=\"backups\", charset=\"UTF-8\"",
                "Bearer realm=\"backups\""
            ]
        );
        assert_eq!(problem(response).await.code, ProblemCode::Unauthenticated);
    }
}

#[tokio::test]
async fn limits_that_are_no_numbers_are_refused() {
    let fixture = fixture().await;
    for limit in ["x", "-1", "1.5", "99999999999"] {
        let response = fixture.get(&format!("/backup/list?limit={limit}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{limit}");
        assert!(problem(response).await.detail.contains("limit=10"));
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let fixture = fixture().await;
    let response = fixture.get("/backup/nothing/here").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(problem(response).await.code, ProblemCode::NotFound);

    let response = fixture
        .send(request("PUT", "/backup/list").body(Body::empty()).unwrap())
        .await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    assert_eq!(problem(response).await.code, ProblemCode::MethodNotAllowed);
}

#[tokio::test]
async fn the_service_says_what_it_is_and_can() {
    let response = fixture().await.get("/").await;
    assert_eq!(response.status(), StatusCode::OK);
    let description = json(response).await;
    assert_eq!(description["service"], "backup");
    assert_eq!(description["version"], "test");
    assert_eq!(
        (&description["project"], &description["environment"]),
        (&"lfrjoebloggs".into(), &"dev".into())
    );
    assert_eq!(description["capabilities"]["upload"]["available"], true);
    assert_eq!(description["capabilities"]["restore"]["available"], false);
}

#[tokio::test]
async fn backups_are_listed_newest_first_and_found() {
    let fixture = fixture().await;
    assert_eq!(
        json(fixture.get("/backup/list").await).await,
        serde_json::json!({ "backups": [] })
    );
    let mut made = Vec::new();
    for number in 0..3 {
        made.push(fixture.upload(&database(number), &volume(number)).await);
    }
    made.reverse();
    let list = json(fixture.get("/backup/list").await).await;
    assert_eq!(list["backups"].as_array().unwrap(), &made);
    let first = json(fixture.get("/backup/list?limit=1").await).await;
    assert_eq!(first["backups"].as_array().unwrap(), &made[..1]);

    let id = made[2]["backupId"].as_str().unwrap();
    assert_eq!(json(fixture.get(&format!("/backup/{id}")).await).await, made[2]);
}

#[tokio::test]
async fn a_guest_may_look() {
    let fixture = fixture().await;
    let mut request = request("GET", "/backup/list").body(Body::empty()).unwrap();
    request
        .headers_mut()
        .insert("authorization", GUEST.parse().unwrap());
    assert_eq!(fixture.send(request).await.status(), StatusCode::OK);
}
