//! Feeds in, products out.

use bytes::Bytes;
use kernel::Code;
use platform::{actor::Actor, context::acting_for};
use proto::promo as p;
use testkit::fleet::{Ground, eventually};

use crate::world::{FEED, World, by, bytes_of, code};

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_is_listed_searched_paged_and_replaced() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let athlete = world.athlete();
    world.put_feed(FEED).await.unwrap();
    let list = |query: &str, cursor: &str, limit| {
        let query = query.to_owned();
        let request =
            p::ListProductsRequest { query, cursor: cursor.to_owned(), limit, ..Default::default() };
        let mut client = world.promo();
        async move { client.list_products(by(athlete, request)).await }
    };
    let count =
        |query: &'static str| async move { list(query, "", 0).await.unwrap().into_inner().items.len() };
    eventually("the feed is known", || count(""), |products| *products >= 2).await;
    let found = list("RUNNING shoe", "", 0).await.unwrap().into_inner();
    assert_eq!(found.items[0].title, "Running shoe");
    assert!(list("100%", "", 0).await.unwrap().into_inner().items.is_empty());
    let first = list("", "", 1).await.unwrap().into_inner();
    let second = list("", &first.next_cursor, 1).await.unwrap().into_inner();
    assert_ne!(first.items[0].id, second.items[0].id);
    assert_eq!(code(list("", "nonsense", 1).await), Code::BadCursor);

    let get = |id: Bytes| p::GetProductRequest { product_id: id };
    let product =
        world.promo().get_product(by(athlete, get(found.items[0].id.clone()))).await.unwrap().into_inner();
    assert_eq!(product.price, crate::world::tenge(1_999_000));
    assert_eq!(
        code(world.promo().get_product(by(athlete, get(Bytes::from_static(b"x")))).await),
        Code::NotFound
    );

    let only_pot = FEED.replace("shoe-1", "").replace("19990.00", "1.00");
    let fed = world.put_feed(&only_pot).await.unwrap().into_inner();
    assert_eq!((fed.products, fed.rejected_count), (1, 2));
    eventually("what is gone is withdrawn", || count("shoe"), |products| *products == 0).await;
    world.fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_partners_put_feeds_and_hostile_ones_are_refused() {
    let ground = Ground::fresh();
    let world = World::on(&ground).await;
    let put = |kind: &str, body: &'static [u8]| p::PutFeedRequest {
        feed: "main".to_owned(),
        content_type: kind.to_owned(),
        body: Bytes::from_static(body),
    };
    let athlete = world.athlete();
    let stranger = world.promo().put_feed(by(athlete, put("application/xml", b"<rss/>"))).await;
    assert_eq!(code(stranger), Code::Unauthenticated);
    let partner = || Actor::Partner { partner_id: world.partner };
    let bomb = put("application/xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><rss>&b;</rss>");
    assert_eq!(code(world.promo().put_feed(acting_for(partner(), bomb)).await), Code::FileUnreadable);
    let json = put("application/json", b"{}");
    assert_eq!(code(world.promo().put_feed(acting_for(partner(), json)).await), Code::UnsupportedMediaType);
    let tsv = put(
        "text/tab-separated-values; charset=utf-8",
        b"id\ttitle\tlink\tprice\n1\tSock\thttps://shop.example/s\t5.00 KZT\n",
    );
    assert_eq!(world.promo().put_feed(acting_for(partner(), tsv)).await.unwrap().into_inner().products, 1);
    let of_partner = || async {
        let partner_id = Some(bytes_of(world.partner));
        let asked = p::ListProductsRequest { partner_id, ..Default::default() };
        world.promo().list_products(by(athlete, asked)).await.unwrap().into_inner().items.len()
    };
    eventually("the sock is listed", of_partner, |products| *products == 1).await;
    world.fleet.stop().await;
}
