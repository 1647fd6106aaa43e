//! Calls by way of a proxy that the environment names. What the environment says holds for a whole process, so calls are made in
//! processes of their own.

use std::io::ErrorKind;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use dictum_core::lm::{Lm, LmErrorKind};
use dictum_providers::Providers;
use dictum_testkit::{Authority, Certificate, FakeServer, Reply, TlsServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::ask;

const URL: &str = "DICTUM_TEST_URL";
const ROOT: &str = "DICTUM_TEST_ROOT";

/// A proxy that forwards and tunnels, and what it was told: the heads of the first requests of its connections.
struct Proxy {
    address: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&heads);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(pass(client, Arc::clone(&told)));
            }
        });
        Self { address, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn pass(mut client: TcpStream, told: Arc<Mutex<Vec<String>>>) {
    let mut bytes = Vec::new();
    let end = loop {
        match client.read_buf(&mut bytes).await {
            Ok(0) => return,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
            read => read.unwrap(),
        };
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let target = head.split(' ').nth(1).unwrap();
    let host = target.strip_prefix("http://").unwrap_or(target);
    let host = host.split('/').next().unwrap().to_owned();
    let tunnels = head.starts_with("CONNECT ");
    told.lock().unwrap().push(head);
    let mut server = TcpStream::connect(host).await.unwrap();
    if tunnels {
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        server.write_all(&bytes[end..]).await.unwrap();
    } else {
        server.write_all(&bytes).await.unwrap();
    }
    // Ends when one of them hangs up, which is no matter of this test.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

/// What the other processes do. As a test of its own it does nothing.
#[tokio::test]
async fn other_process() {
    let Ok(url) = std::env::var(URL) else {
        return;
    };
    let mut lm = Lm::openai("gpt-4o-mini")
        .base_url(url)
        .api_key("sk-test-0123456789")
        .proxy_from_env();
    if let Ok(root) = std::env::var(ROOT) {
        lm = lm.root_certificate(root);
    }
    let lm = lm.build().unwrap();
    // The second one goes over the connection of the first.
    for _ in 0..2 {
        match lm.complete(&ask("Hello?"), &Default::default()).await {
            Ok(answer) => println!("\nsaid {}", answer.to_text()),
            Err(error) => {
                assert_eq!(error.kind(), LmErrorKind::Transport);
                println!("\nfailed {error}");
            }
        }
    }
}

async fn call(proxy: &str, url: &str, more: &[(&'static str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "proxies::other_process", "--nocapture"])
        .env(URL, url)
        .env_remove("REQUEST_METHOD");
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.env("ALL_PROXY", proxy).envs(more.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output());
    let Output { status, stdout, .. } = output.await.unwrap().unwrap();
    let text = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{text}");
    text
}

#[tokio::test]
async fn plain_calls_are_forwarded_by_the_proxy_of_the_environment() {
    let (proxy, server) = (
        Proxy::start().await,
        FakeServer::scripted([Reply::text("By proxy.")]),
    );
    let said = call(
        &format!("http://someone:pass%20word@{}", proxy.address),
        &server.url(),
        &[],
    )
    .await;
    assert_eq!(said.matches("said By proxy.").count(), 2, "{said}");
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1, "one connection for both calls");
    let line = format!("POST {}/chat/completions HTTP/1.1\r\n", server.url());
    assert!(heads[0].starts_with(&line), "{heads:?}");
    assert!(
        heads[0].contains("proxy-authorization: Basic c29tZW9uZTpwYXNzIHdvcmQ=\r\n"),
        "{heads:?}"
    );
}

#[tokio::test]
async fn calls_over_tls_go_through_a_tunnel_that_sees_no_key() {
    let (proxy, server) = (
        Proxy::start().await,
        FakeServer::scripted([Reply::text("Unseen.")]),
    );
    let authority = Authority::new().unwrap();
    let tls = TlsServer::before(server.port(), &authority, Certificate::Right).unwrap();
    let url = format!("https://localhost:{}/v1", tls.port());
    let said = call(
        &format!("http://someone:word@{}", proxy.address),
        &url,
        &[(ROOT, authority.root())],
    )
    .await;
    assert_eq!(said.matches("said Unseen.").count(), 2, "{said}");
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1, "{heads:?}");
    assert!(
        heads[0].starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", tls.port())),
        "{heads:?}"
    );
    let head = heads[0].to_lowercase();
    assert!(
        head.contains("proxy-authorization: basic c29tzw9uztp3b3jk\r\n"),
        "{heads:?}"
    );
    assert!(!head.contains("sk-test"), "{heads:?}");
}

#[tokio::test]
async fn who_needs_no_proxy_is_asked_straight_and_a_proxy_of_another_kind_is_named() {
    let (proxy, server) = (
        Proxy::start().await,
        FakeServer::scripted([Reply::text("Straight.")]),
    );
    let address = format!("http://{}", proxy.address);
    let said = call(&address, &server.url(), &[("NO_PROXY", "127.0.0.1")]).await;
    assert_eq!(said.matches("said Straight.").count(), 2, "{said}");
    assert!(proxy.heads().is_empty());

    let said = call(&format!("socks5://{}", proxy.address), &server.url(), &[]).await;
    assert!(
        said.contains("the proxy speaks `socks5`, and only http and https are known"),
        "{said}"
    );
}
