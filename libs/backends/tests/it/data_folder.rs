//! One data folder, one owner.

use stadion_backends::DataFolder;

#[test]
fn a_second_owner_is_told_who_is_there() {
    let root = tempfile::tempdir().expect("a folder");
    let first = DataFolder::open(root.path()).expect("the first takes it");
    let refused = DataFolder::open(root.path()).expect_err("the second is refused").to_string();
    assert!(refused.contains(&std::process::id().to_string()), "{refused}");
    assert!(refused.contains("--data"), "{refused}");
    drop(first);
    DataFolder::open(root.path()).expect("it is free again");
}
