//! Serving over a real socket on this machine: bounds, and a clean end.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::rig::rig;

async fn say(stream: &mut TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).await.expect("sent");
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await.expect("answered");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop_and_then_ends() {
    let rig = rig().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let served = crate::serve(
        listener,
        rig.admin.clone(),
        crate::Limits::default(),
        async {
            drop(stopped.await);
        },
    );
    let client = async move {
        let mut kept = TcpStream::connect(address).await.expect("connected");
        let ask = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
        assert!(say(&mut kept, ask).await.starts_with("HTTP/1.1 200"));
        assert!(
            say(&mut kept, ask).await.starts_with("HTTP/1.1 200"),
            "kept alive"
        );

        let mut hostile = TcpStream::connect(address).await.expect("connected");
        let long = format!(
            "GET /livez HTTP/1.1\r\nx: {}\r\n\r\n",
            "x".repeat(20 * 1024)
        );
        assert!(say(&mut hostile, &long).await.starts_with("HTTP/1.1 431"));
        let mut hostile = TcpStream::connect(address).await.expect("connected");
        assert!(
            say(&mut hostile, "\0\u{1}\r\n\r\n")
                .await
                .starts_with("HTTP/1.1 400")
        );

        stop.send(()).expect("it still serves");
        // The kept connection is idle, so it is closed at once.
        let mut rest = Vec::new();
        kept.read_to_end(&mut rest).await.expect("closed");
        assert_eq!(rest, b"");
        address
    };
    let both = async { tokio::join!(served, client) };
    let ended = tokio::time::timeout(Duration::from_secs(5), both).await;
    let ((), address) = ended.expect("it ends well before connections are cut off");
    assert!(
        TcpStream::connect(address).await.is_err(),
        "nobody listens any more"
    );
}
