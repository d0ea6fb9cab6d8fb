//! A mail server and a program that is told by HTTP, on real sockets, each with faults in the order in which they are
//! asked for. They keep what they took.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use sandbox::label_desk::LabelDesk;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What the mail server does with one conversation instead of taking the message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MailFault {
    /// Not now: it says so when it hears for whom it is.
    Later,
    /// Never, and repeats the address.
    Never,
    /// It takes the message, and the line breaks before it says so.
    BreaksAfter,
    /// It takes the message, and never says so.
    Silent,
}

/// What a program does with one call instead of taking it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HookFault {
    /// It fails after it took it.
    FailsAfter,
    /// It says no.
    Refuses,
}

/// What was taken, and what is to go wrong next.
struct Kept<T, F> {
    taken: Vec<T>,
    faults: VecDeque<F>,
}

impl<T, F> Default for Kept<T, F> {
    fn default() -> Kept<T, F> {
        Kept {
            taken: Vec::new(),
            faults: VecDeque::new(),
        }
    }
}

/// A listener that keeps what it takes.
pub(crate) struct Sink<T, F> {
    pub(crate) at: SocketAddr,
    kept: Arc<Mutex<Kept<T, F>>>,
    /// Ends with the sink.
    _tasks: JoinSet<()>,
}

/// A call that a program took.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl<T: Clone, F> Sink<T, F> {
    /// All that was taken, in order.
    pub(crate) fn taken(&self) -> Vec<T> {
        self.kept.lock().expect("no holder panics").taken.clone()
    }

    /// What goes wrong next.
    pub(crate) fn fault(&self, fault: F) {
        let mut kept = self.kept.lock().expect("no holder panics");
        kept.faults.push_back(fault);
    }
}

/// A mail server on this machine.
pub(crate) async fn mail() -> Sink<String, MailFault> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let kept: Arc<Mutex<Kept<String, MailFault>>> = Arc::default();
    let (mut tasks, mine) = (JoinSet::new(), Arc::clone(&kept));
    tasks.spawn(async move {
        let mut talks = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            talks.spawn(talk(stream, Arc::clone(&mine)));
        }
    });
    Sink {
        at,
        kept,
        _tasks: tasks,
    }
}

/// One conversation by RFC 5321. What the other side breaks is its own matter.
async fn talk(stream: TcpStream, kept: Arc<Mutex<Kept<String, MailFault>>>) {
    let fault = kept.lock().expect("no holder panics").faults.pop_front();
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink.example.com\r\n").await.ok();
    let mut line = String::new();
    while let Ok(1..) = stream.read_line(&mut line).await {
        let said = line.trim_end().to_owned();
        line.clear();
        let verb = said.split([' ', ':']).next().unwrap_or_default();
        let answer = match (verb.to_ascii_uppercase().as_str(), fault) {
            ("EHLO", _) => "250-sink.example.com\r\n250 8BITMIME".to_owned(),
            ("MAIL", _) => "250 ok".to_owned(),
            ("RCPT", Some(MailFault::Later)) => "451 4.7.1 try again".to_owned(),
            ("RCPT", Some(MailFault::Never)) => {
                let to = said.split_once(':').map_or("", |(_, to)| to);
                format!("550 5.1.1 {to}: nobody here")
            }
            ("RCPT", _) => "250 ok".to_owned(),
            ("DATA", _) => "354 go on".to_owned(),
            ("QUIT", _) => "221 bye".to_owned(),
            _ => "500 what".to_owned(),
        };
        stream
            .write_all(format!("{answer}\r\n").as_bytes())
            .await
            .ok();
        if verb == "QUIT" {
            return;
        }
        if verb != "DATA" {
            continue;
        }
        let mut message = String::new();
        while let Ok(1..) = stream.read_line(&mut message).await {
            if message.ends_with("\r\n.\r\n") {
                break;
            }
        }
        kept.lock().expect("no holder panics").taken.push(message);
        match fault {
            Some(MailFault::BreaksAfter) => return,
            Some(MailFault::Silent) => std::future::pending().await,
            Some(MailFault::Later | MailFault::Never) | None => {}
        }
        stream.write_all(b"250 taken\r\n").await.ok();
    }
}

/// A program that is told by HTTP.
pub(crate) async fn hook() -> Sink<Call, HookFault> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let kept: Arc<Mutex<Kept<Call, HookFault>>> = Arc::default();
    let (mut tasks, mine) = (JoinSet::new(), Arc::clone(&kept));
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            take(stream, &mine).await;
        }
    });
    Sink {
        at,
        kept,
        _tasks: tasks,
    }
}

/// Somebody who sells labels, on a real socket.
pub(crate) async fn labels(desk: Arc<Mutex<LabelDesk>>) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let Some((path, call)) = read_call(&mut stream).await else {
                continue;
            };
            let mut request = http::Request::post(path);
            for (name, value) in &call.headers {
                request = request.header(name, value);
            }
            let request = request.body(call.body).expect("a request");
            let answer = desk.lock().expect("no holder panics").handle(&request);
            // Without an answer the line breaks.
            let Some(answer) = answer else { continue };
            let (status, length) = (answer.status(), answer.body().len());
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.ok();
            stream.write_all(answer.body()).await.ok();
        }
    });
    (at, tasks)
}

/// One call, and its answer.
async fn take(stream: TcpStream, kept: &Mutex<Kept<Call, HookFault>>) {
    let mut stream = BufReader::new(stream);
    let Some((_, call)) = read_call(&mut stream).await else {
        return;
    };
    let fault = {
        let mut kept = kept.lock().expect("no holder panics");
        kept.taken.push(call);
        kept.faults.pop_front()
    };
    let status = match fault {
        None => "204 No Content",
        Some(HookFault::FailsAfter) => "500 Internal Server Error",
        Some(HookFault::Refuses) => "422 Unprocessable Content",
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await.ok();
}

/// A call, and the path that it goes to.
async fn read_call(stream: &mut BufReader<TcpStream>) -> Option<(String, Call)> {
    let (mut headers, mut line) = (BTreeMap::new(), String::new());
    stream.read_line(&mut line).await.ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    line.clear();
    while stream.read_line(&mut line).await.ok()? > 0 {
        let said = line.trim_end().to_owned();
        line.clear();
        if said.is_empty() {
            break;
        }
        if let Some((name, value)) = said.split_once(": ") {
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
    }
    let length = headers.get("content-length");
    let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((path, Call { headers, body }))
}
