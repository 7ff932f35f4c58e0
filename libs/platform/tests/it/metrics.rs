use platform::metrics::Metrics;

#[test]
fn a_metric_is_rendered_under_its_services_name() {
    let metrics = Metrics::new();
    metrics.of("promo").counter("offers_granted", "Offers granted").inc();
    metrics.of("auth").gauge("sessions", "Sessions").set(4);
    let page = metrics.render().unwrap();
    assert!(page.contains("stadion_promo_offers_granted_total{service=\"promo\"} 1"), "{page}");
    assert!(page.contains("stadion_auth_sessions{service=\"auth\"} 4"), "{page}");
}
