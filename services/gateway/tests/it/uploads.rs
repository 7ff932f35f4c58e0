//! `/v1/uploads`: the body is the file, or a form's field is.

use axum::body::Body;
use http::{Request, header};
use stadion_gateway::Config;

use crate::world::{Answer, World, world, world_with};

async fn upload(world: &World, kind: &str, body: impl Into<Body>) -> Answer {
    let request =
        world.signed(Request::post("/v1/uploads?filename=run.fit")).header(header::CONTENT_TYPE, kind);
    world.send(request.body(body.into()).unwrap()).await
}

fn form(field: &str) -> String {
    format!(
        "--b\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--b\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"run.fit\"\r\n\r\n.FIT\r\n--b--\r\n"
    )
}

#[tokio::test]
async fn a_file_is_taken_as_the_body_or_as_a_forms_field() {
    let world = world();
    assert_eq!(upload(&world, "application/octet-stream", ".FIT").await.code(), "unavailable");
    assert_eq!(upload(&world, "multipart/form-data; boundary=b", form("file")).await.code(), "unavailable");
}

#[tokio::test]
async fn a_form_has_at_most_a_hundred_files() {
    let field = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"run.fit\"\r\n\r\n.FIT\r\n";
    let several = |count: usize| format!("{}--b--\r\n", field.repeat(count));
    let kind = "multipart/form-data; boundary=b";
    assert_eq!(upload(&world(), kind, several(100)).await.code(), "unavailable");
    assert_eq!(upload(&world(), kind, several(101)).await.fault().1, "too_many");
}

#[tokio::test]
async fn an_empty_file_is_unreadable() {
    let answer = upload(&world(), "application/octet-stream", Body::empty()).await;
    assert_eq!(answer.code(), "file_unreadable");
}

#[tokio::test]
async fn a_form_without_a_file_and_a_broken_form_are_pointed_at() {
    let world = world();
    let required = ("/file".to_owned(), "required".to_owned());
    assert_eq!(upload(&world, "multipart/form-data; boundary=b", form("picture")).await.fault(), required);
    let whole = form("file");
    let cut = whole[..whole.len() - 12].to_owned();
    assert_eq!(upload(&world, "multipart/form-data; boundary=b", cut).await.fault().0, "/file");
    assert_eq!(upload(&world, "multipart/form-data", whole).await.fault().0, "/file");
}

#[tokio::test]
async fn what_cannot_be_a_device_file_is_refused_by_its_type() {
    let world = world();
    for kind in ["application/json", "image/png", "text/html"] {
        assert_eq!(upload(&world, kind, "x").await.code(), "unsupported_media_type", "{kind}");
    }
}

#[tokio::test]
async fn a_file_past_the_limit_is_refused() {
    let world = world_with(Config { upload_bytes_max: 100, ..Config::default() });
    assert_eq!(upload(&world, "application/octet-stream", "x".repeat(101)).await.code(), "payload_too_large");
    assert_eq!(upload(&world, "application/octet-stream", "x".repeat(100)).await.code(), "unavailable");
}

#[tokio::test]
async fn when_too_many_bodies_arrive_the_next_is_told_to_wait() {
    let world = world_with(Config { bodies_bytes_max: 64 * 1024, ..Config::default() });
    let answer = upload(&world, "application/octet-stream", "x".repeat(200_000)).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "overloaded"));
    assert_eq!(answer.header("retry-after"), "2");
}

#[tokio::test]
async fn a_part_is_checked_by_what_the_server_says_it_speaks() {
    let world = world_with(Config { resumable_bytes_max: 7_000, ..Config::default() });
    let place = "/v1/uploads/resumable";
    let asked = Request::options(place).body(Body::empty()).unwrap();
    let told = world.send(asked).await;
    assert_eq!(told.header("tus-checksum-algorithm"), "sha1,sha256");
    assert!(told.header("tus-extension").split(',').any(|one| one == "checksum"));
    assert_eq!(told.header("tus-max-size"), "7000");
    let part = format!("{place}/00000000-0000-0000-0000-000000000001");
    let send = |checksum: &'static str| {
        let request = world
            .signed(Request::patch(&part))
            .header("tus-resumable", "1.0.0")
            .header("upload-offset", "0")
            .header("upload-checksum", checksum)
            .header(header::CONTENT_TYPE, "application/offset+octet-stream");
        world.send(request.body(Body::from("abc")).unwrap())
    };
    for bad in ["sha1", "sha256 !!!"] {
        let answer = send(bad).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "bad_checksum"), "{bad}");
        assert_eq!(answer.header("tus-max-size"), "7000");
    }
    assert_eq!(send("sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=").await.code(), "unavailable");
}

#[tokio::test]
async fn nobody_waits_longer_than_half_a_minute() {
    let world = world();
    let request = world.signed(Request::post("/v1/uploads?wait_s=31")).body(Body::from("x")).unwrap();
    assert_eq!(world.send(request).await.code(), "malformed_query");
}
