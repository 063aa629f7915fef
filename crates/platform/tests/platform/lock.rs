use baton_platform::lock::FileLock;

#[test]
fn one_at_a_time_holds_a_lock() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("lock");
    let held = FileLock::try_acquire(&path).unwrap();
    assert!(held.is_some());
    assert!(FileLock::try_acquire(&path).unwrap().is_none());
    drop(held);
    assert!(FileLock::try_acquire(&path).unwrap().is_some());
}
