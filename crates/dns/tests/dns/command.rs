//! Records by a command of the administrator.

use std::time::Duration;

use baton_dns::{CommandConfig, DnsConfig, DnsSolver, ProviderConfig};
use baton_finding::Explain as _;
use baton_testkit::name_server::Software;

use crate::world::{OTHER, VALUE, World, values};

const NAME: &str = "_acme-challenge.www.example.test";

fn by_command(world: &World, publish: &[&str], remove: &[&str]) -> DnsSolver {
    let owned = |argv: &[&str]| argv.iter().map(|argument| (*argument).to_owned()).collect();
    let command =
        CommandConfig { publish: owned(publish), remove: owned(remove), time_limit: Duration::from_secs(2) };
    DnsSolver::new(DnsConfig { provider: ProviderConfig::Command(command), ..world.config() }).unwrap()
}

#[tokio::test]
async fn the_script_of_the_guide_does_the_same() {
    let world = World::new(Software::Bind, &[("example.test", "")]);
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/dns-01.md");
    let guide = fs_err::read_to_string(guide).unwrap();
    let example = guide.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let (address, key_file) = (world.server.address(), world.key_file());
    let here = example
        .replace("/etc/baton/baton.key", key_file.to_str().unwrap())
        .replace("ns1.example.com 53", &format!("{} {}", address.ip(), address.port()));
    assert_ne!(here, example);
    let script = world.directory.path().join("change");
    fs_err::write(&script, here).unwrap();
    let script = script.to_str().unwrap();
    let solver = by_command(&world, &["sh", script, "add"], &["sh", script, "delete"]);
    let first = solver.publish("www.example.test", VALUE).await.unwrap();
    let second = solver.publish("www.example.test", OTHER).await.unwrap();
    assert_eq!(world.server.txt(NAME), values(&[VALUE, OTHER]));
    solver.wait_until_visible(&[first.clone(), second], Duration::from_secs(10)).await.unwrap();
    solver.remove(&first).await.unwrap();
    solver.remove(&first).await.unwrap();
    assert_eq!(world.server.txt(NAME), values(&[OTHER]));
}

#[tokio::test]
async fn it_gets_name_record_and_value_as_arguments_and_in_its_environment() {
    let alias = "_acme-challenge.www IN CNAME elsewhere";
    let world = World::new(Software::Bind, &[("example.test", alias)]);
    let out = world.directory.path().join("out");
    let tell = "printf '%s\\n' \"$@\" \"$BATON_DOMAIN\" \"$BATON_RECORD\" \"$BATON_VALUE\" > \"$0\"";
    let out_text = out.to_str().unwrap();
    let argv = ["sh", "-c", tell, out_text, "{domain}", "{record}={value}", "$HOME; `id` {other}"];
    let solver = by_command(&world, &argv, &argv);
    solver.publish("www.example.test", VALUE).await.unwrap();
    let record = "elsewhere.example.test";
    let expected = format!(
        "www.example.test\n{record}={VALUE}\n$HOME; `id` {{other}}\nwww.example.test\n{record}\n{VALUE}\n"
    );
    assert_eq!(fs_err::read_to_string(&out).unwrap(), expected);
}

#[tokio::test]
async fn what_it_said_is_in_the_error_and_a_hang_is_ended() {
    let world = World::new(Software::Bind, &[("example.test", "")]);
    let solver = by_command(&world, &["sh", "-c", "echo no such zone >&2; exit 3"], &["sleep", "60"]);
    let error = solver.publish("www.example.test", VALUE).await.unwrap_err();
    assert_eq!(error.code(), "command-failed");
    assert!(error.chain().contains("exit code 3: no such zone"), "{}", error.chain());

    let located = solver.locate("www.example.test", VALUE).await.unwrap();
    let error = solver.remove(&located).await.unwrap_err();
    assert_eq!(error.code(), "command-timed-out");

    let empty = CommandConfig {
        publish: vec!["true".to_owned()],
        remove: Vec::new(),
        time_limit: Duration::from_secs(1),
    };
    let config = DnsConfig { provider: ProviderConfig::Command(empty), ..world.config() };
    assert_eq!(DnsSolver::new(config).unwrap_err().to_string(), "the command to remove a record is empty");
}
