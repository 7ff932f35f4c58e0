//! Who calls whom, who reads whose events, who follows whose state: a committed picture, drawn from the sources.
//! Calls make no circle: a service could not start, or stop, before itself.

use std::collections::{BTreeMap, BTreeSet};

use syn::{
    Expr, ExprCall, ExprMethodCall, ItemConst, Lit, Macro, Token, punctuated::Punctuated, visit::Visit,
};

use crate::tree;

const PICTURE: &str = "docs/service-dag.txt";
const HEAD: &str = "# Drawn from the sources by libs/testkit/tests/it/service_graph.rs; a change here is a change of the architecture.\n\
                    # calls: gRPC to a sibling · reads: events · follows: state topics · writes: own state topics\n\
                    # `platform` is what every service does by standing on it.\n";

#[derive(Default)]
struct Service {
    /// The peers that `Module::new(name, &[…])` declares, where they are listed there.
    declared: Option<BTreeSet<String>>,
    calls: BTreeSet<String>,
    reads: BTreeSet<String>,
    topics: BTreeSet<String>,
}

/// Collects what one room's sources name.
#[derive(Default)]
struct Sources {
    service: Service,
    /// `const NAME: &str = "…"`, so that a topic may be named by a constant.
    texts: BTreeMap<String, String>,
    known: BTreeSet<String>,
}

impl Sources {
    fn text(&self, argument: &Expr) -> Option<String> {
        match argument {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            Expr::Path(path) => self.texts.get(&path.path.segments.last()?.ident.to_string()).cloned(),
            Expr::Reference(inner) => self.text(&inner.expr),
            _ => None,
        }
    }

    fn list(&self, argument: &Expr) -> Option<BTreeSet<String>> {
        match argument {
            Expr::Reference(inner) => self.list(&inner.expr),
            Expr::Array(array) => array.elems.iter().map(|element| self.text(element)).collect(),
            _ => None,
        }
    }

    fn note_call(&mut self, call: &ExprCall) {
        let Expr::Path(path) = &*call.func else { return };
        let names: Vec<String> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if names.ends_with(&["Module".to_owned(), "new".to_owned()]) {
            self.service.declared =
                call.args.get(1).and_then(|peers| self.list(peers)).or(self.service.declared.take());
        }
        if names.ends_with(&["Sight".to_owned(), "new".to_owned()]) {
            // Who looks at people asks both, by the platform's hand.
            self.service.calls.extend(["auth".to_owned(), "social".to_owned()]);
        }
        let mut words = call.args.iter().map(|argument| self.text(argument));
        let (first, second) = (words.next().flatten(), words.next().flatten());
        match (names.iter().rev().map(String::as_str).collect::<Vec<_>>().as_slice(), first, second) {
            (["Topic", "Source", ..] | ["events", "Topic", ..], Some(service), _) => {
                self.service.reads.insert(service);
            }
            (["state", "Topic", ..], Some(service), Some(thing)) => {
                self.service.topics.insert(format!("{service}.{thing}"));
            }
            _ => {}
        }
    }

    fn note_method(&mut self, call: &ExprMethodCall) {
        if !is_peers(&call.receiver) {
            return;
        }
        let method = call.method.to_string();
        let named = call.args.first().and_then(|argument| self.text(argument));
        match (method.as_str(), named) {
            ("to" | "journal" | "state", Some(service)) => {
                self.service.calls.insert(service);
            }
            (service, _) if self.known.contains(service) => {
                self.service.calls.insert(method);
            }
            _ => {}
        }
    }
}

/// `peers`, `self.peers`, `resources.peers`, `resources.peers()`, each possibly cloned.
fn is_peers(receiver: &Expr) -> bool {
    match receiver {
        Expr::Path(path) => path.path.is_ident("peers"),
        Expr::Field(field) => matches!(&field.member, syn::Member::Named(name) if name == "peers"),
        Expr::MethodCall(call) => {
            call.method == "peers" || (call.method == "clone" && is_peers(&call.receiver))
        }
        Expr::Reference(inner) => is_peers(&inner.expr),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Sources {
    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        self.note_call(call);
        syn::visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.note_method(call);
        syn::visit::visit_expr_method_call(self, call);
    }

    /// Macros are opaque to the parser; lists of expressions (`vec![…]`, `select!` arms apart) are looked into.
    fn visit_macro(&mut self, called: &'ast Macro) {
        let listed = called.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        // The expressions live for this call only, the visitor's notes are owned.
        for expression in listed.iter().flatten() {
            let mut inside =
                Sources { texts: self.texts.clone(), known: self.known.clone(), ..Sources::default() };
            inside.visit_expr(expression);
            self.service.calls.append(&mut inside.service.calls);
            self.service.reads.append(&mut inside.service.reads);
            self.service.topics.append(&mut inside.service.topics);
        }
    }
}

struct Constants<'a>(&'a mut BTreeMap<String, String>);

impl<'ast> Visit<'ast> for Constants<'_> {
    fn visit_item_const(&mut self, constant: &'ast ItemConst) {
        if let Expr::Lit(literal) = &*constant.expr
            && let Lit::Str(text) = &literal.lit
        {
            self.0.insert(constant.ident.to_string(), text.value());
        }
    }
}

fn sources_of(folder: &str, known: &BTreeSet<String>) -> Service {
    let files: Vec<syn::File> = tree::files_named("rs")
        .filter(|file| file.starts_with(folder))
        .map(|file| {
            syn::parse_file(&tree::read(file)).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        })
        .collect();
    let mut sources = Sources { known: known.clone(), ..Sources::default() };
    for file in &files {
        Constants(&mut sources.texts).visit_file(file);
    }
    for file in &files {
        sources.visit_file(file);
    }
    sources.service
}

fn services() -> BTreeSet<String> {
    let names = tree::files_named("rs").filter_map(|file| {
        let mut parts = file.iter().filter_map(|part| part.to_str());
        (parts.next() == Some("services")).then(|| parts.next().map(str::to_owned))?
    });
    names.filter(|name| name != "stadion").collect()
}

fn graph() -> BTreeMap<String, Service> {
    let known = services();
    let service = |name: &String| {
        let mut service = sources_of(&format!("services/{name}/src"), &known);
        // Social looks at people too, by its own rows.
        service.calls.remove(name);
        (name.clone(), service)
    };
    let mut graph: BTreeMap<String, Service> = known.iter().map(service).collect();
    graph.insert("platform".to_owned(), sources_of("libs/platform/src", &known));
    graph
}

fn picture(graph: &BTreeMap<String, Service>) -> String {
    let mut text = HEAD.to_owned();
    for (name, service) in graph {
        let own = |topic: &&String| topic.split('.').next() == Some(name);
        let rows: [(&str, Vec<&String>); 4] = [
            ("calls", service.calls.iter().collect()),
            ("reads", service.reads.iter().collect()),
            ("follows", service.topics.iter().filter(|topic| !own(topic)).collect()),
            ("writes", service.topics.iter().filter(own).collect()),
        ];
        text.push_str(&format!("{name}\n"));
        for (what, names) in rows.into_iter().filter(|(_, names)| !names.is_empty()) {
            let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
            text.push_str(&format!("  {what:<8}{}\n", names.join(" ")));
        }
    }
    text
}

#[test]
fn the_service_graph_is_as_committed() {
    tree::assert_snapshot(PICTURE, &picture(&graph()));
}

#[test]
fn modules_declare_the_peers_that_they_call() {
    let mut breaches = Vec::new();
    for (name, service) in graph() {
        if let Some(declared) = service.declared.filter(|declared| *declared != service.calls) {
            breaches.push(format!("{name} declares {declared:?} and calls {:?}", service.calls));
        }
    }
    tree::assert_none("Module::new says whom a service needs", &breaches);
}

#[test]
fn calls_between_services_make_no_circle() {
    let mut left: BTreeMap<String, BTreeSet<String>> = graph()
        .into_iter()
        .filter(|(name, _)| name != "platform")
        .map(|(name, service)| {
            let calls = service.calls.into_iter().filter(|other| *other != name).collect();
            (name, calls)
        })
        .collect();
    // Services that call nobody left go, until nobody is left or a circle stands.
    while let Some(free) = left.iter().find(|(_, calls)| calls.is_empty()).map(|(name, _)| name.clone()) {
        left.remove(&free);
        for calls in left.values_mut() {
            calls.remove(&free);
        }
    }
    let circle: Vec<String> = left.into_iter().map(|(name, calls)| format!("{name} → {calls:?}")).collect();
    tree::assert_none("calls go one way", &circle);
}

#[test]
fn the_graph_is_drawn_from_what_the_sources_say() {
    let code = r#"
        const ACTIVITY: &str = "activity";
        fn wire(resources: Resources, peers: Peers) {
            peers.auth(); resources.peers.promo(); self.peers.clone().journal("gamification"); other.auth2();
            let _ = vec![Source::Topic(ACTIVITY), readers::Source::Topic("promo"), Source::OwnJournal];
            Topic::state("auth", "revocations");
        }
    "#;
    let known = ["auth", "promo"].map(str::to_owned).into();
    let file = syn::parse_file(code).unwrap();
    let mut sources = Sources { known, ..Sources::default() };
    Constants(&mut sources.texts).visit_file(&file);
    sources.visit_file(&file);
    assert_eq!(sources.service.calls.into_iter().collect::<Vec<_>>(), ["auth", "gamification", "promo"]);
    assert_eq!(sources.service.reads.into_iter().collect::<Vec<_>>(), ["activity", "promo"]);
    assert_eq!(sources.service.topics.into_iter().collect::<Vec<_>>(), ["auth.revocations"]);
}
