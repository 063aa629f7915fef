use baton_platform::local_socket::{self, LocalListener};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

#[tokio::test]
async fn many_clients_are_answered_and_after_the_end_nobody_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("baton.sock");
    assert!(local_socket::connect(&path).await.unwrap().is_none());
    let listener = LocalListener::bind(&path).unwrap();
    let server = tokio::spawn(async move {
        loop {
            let (reader, mut writer) = listener.accept().await.unwrap().into_split();
            tokio::spawn(async move {
                let mut line = String::new();
                BufReader::new(reader).read_line(&mut line).await.unwrap();
                writer.write_all(format!("answer to {line}").as_bytes()).await.unwrap();
            });
        }
    });
    let clients = (0..20).map(|number| {
        let path = path.clone();
        tokio::spawn(async move {
            let (reader, mut writer) = local_socket::connect(&path).await.unwrap().unwrap().into_split();
            writer.write_all(format!("{number}\n").as_bytes()).await.unwrap();
            let mut reader = BufReader::new(reader);
            let mut line = String::new();
            reader.read_line(&mut line).await.unwrap();
            assert_eq!(line, format!("answer to {number}\n"));
            line.clear();
            // The end of the connection is an end, and no error.
            assert_eq!(reader.read_line(&mut line).await.unwrap(), 0);
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    server.abort();
    let _ = server.await;
    assert!(local_socket::connect(&path).await.unwrap().is_none());
}

#[cfg(windows)]
#[tokio::test]
#[ignore = "needs Windows: Wine 8 lets anyone add to a pipe that is there"]
async fn a_name_that_is_taken_is_not_shared() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("baton.sock");
    let _listener = LocalListener::bind(&path).unwrap();
    assert!(LocalListener::bind(&path).is_err());
}
