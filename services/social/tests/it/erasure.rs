//! An erased account leaves no edge, seat, kudos, comment, post or name.

use eventing::StreamId;
use kernel::ActivityId;
use proto::{activity, auth, social as p};
use testkit::fleet::{Ground, eventually, tell};

use crate::world::{World, by, bytes_of, code};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stays_of_an_erased_account() {
    let ground = &Ground::fresh();
    let world = World::on(ground).await;
    let (gone, anna, bek) =
        (world.person("Baurzhan Gone").await, world.person("Anna").await, world.person("Bek").await);
    world.friends(gone, anna).await;
    world.block(bek, gone).await;
    let group = world.create(gone, "open", None).await;
    world.put_member(anna, &group, anna, "").await.unwrap();
    let (run, own) = (ActivityId::random(), ActivityId::random());
    let under =
        |activity, owner| p::KudosRequest { activity_id: bytes_of(activity), owner_id: bytes_of(owner) };
    world.social().put_kudos(by(gone, under(run, anna))).await.unwrap();
    let comment = p::WriteCommentRequest {
        activity_id: bytes_of(run),
        owner_id: bytes_of(anna),
        text: "nice".to_owned(),
    };
    world.social().write_comment(by(gone, comment)).await.unwrap();
    let recorded = activity::ActivityRecorded {
        activity_id: bytes_of(own),
        account_id: bytes_of(gone),
        ..Default::default()
    };
    tell(&world.activity, &StreamId::of("activity", own), &gone.to_string(), &recorded).await;
    let feed = || async {
        world.social().feed(by(anna, p::FeedRequest::default())).await.unwrap().into_inner().items.len()
    };
    eventually("posted", feed, |count| *count == 1).await;
    let found = || async { world.found(anna, "baurzhan").await.len() };
    eventually("indexed", found, |count| *count == 1).await;

    world.known.change(gone, |standing| {
        *standing = auth::AccountStanding {
            account_id: bytes_of(gone),
            known: true,
            erased: true,
            ..Default::default()
        }
    });
    world.says(gone, &auth::AccountErased { account_id: bytes_of(gone) }).await;
    let owner = || async { world.group(anna, &group).await.unwrap().into_inner().my_role };
    eventually("succeeded", owner, |role| role == "owner").await;
    let kudos =
        || async { world.social().delete_kudos(by(bek, under(run, anna))).await.unwrap().into_inner().count };
    eventually("no kudos", kudos, |count| *count == 0).await;
    let comments = || async {
        let request = p::ListCommentsRequest { activity_id: bytes_of(run), ..Default::default() };
        world.social().list_comments(by(anna, request)).await.unwrap().into_inner().items.len()
    };
    eventually("no comment", comments, |count| *count == 0).await;
    eventually("no post", feed, |count| *count == 0).await;

    assert_eq!(world.listed(anna, "friend").await.count, 0);
    let blocks = world.social().list_blocks(by(bek, p::ListEdgesRequest::default())).await.unwrap();
    assert_eq!(blocks.into_inner().count, 0);
    assert_eq!(world.group(anna, &group).await.unwrap().into_inner().members, 1);
    assert_eq!(found().await, 0);
    assert_eq!(code(world.look(anna, gone).await), kernel::Code::NotFound);
    assert_eq!(code(world.befriend(anna, gone).await), kernel::Code::NotFound);

    // Even where auth were behind: once it is said that nothing is kept, nothing begins.
    world.known.change(gone, |standing| standing.erased = false);
    let chin = world.person("Chin").await;
    let refused = || async { world.befriend(chin, gone).await.is_err() };
    eventually("refused by our own word", refused, |refused| *refused).await;
    world.fleet.stop().await;
}
