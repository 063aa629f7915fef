//! Which companies are known, and what each asks for.

use std::time::Duration;

use dns_update::providers::azuredns::{AzureDnsConfig, AzureEnvironment};
use dns_update::providers::google_cloud_dns::GoogleCloudDnsConfig;
use dns_update::providers::route53::Route53Config;
use dns_update::{DnsUpdater, Result};

/// One company.
pub(super) struct Entry {
    /// What the settings call it.
    pub(super) name: &'static str,
    /// The keys of its file of credentials.
    pub(super) keys: &'static [&'static str],
    /// Makes its client from the values of the keys, in their order.
    pub(super) make: fn(&[&str], Duration) -> Result<DnsUpdater>,
}

const TOKEN: &[&str] = &["api-token"];
const KEY: &[&str] = &["api-key"];
const KEY_AND_SECRET: &[&str] = &["api-key", "api-secret"];
const USER_AND_PASSWORD: &[&str] = &["username", "password"];
const USER_AND_KEY: &[&str] = &["username", "api-key"];

/// All of them, by name.
pub(super) const PROVIDERS: &[Entry] = &[
    Entry {
        name: "azure",
        keys: &["tenant-id", "client-id", "client-secret", "subscription-id", "resource-group"],
        make: |v, limit| {
            DnsUpdater::new_azuredns(AzureDnsConfig {
                tenant_id: v[0].to_owned(),
                client_id: v[1].to_owned(),
                client_secret: v[2].to_owned(),
                subscription_id: v[3].to_owned(),
                resource_group: v[4].to_owned(),
                environment: AzureEnvironment::Public,
                request_timeout: Some(limit),
            })
        },
    },
    Entry { name: "bunny", keys: KEY, make: |v, limit| DnsUpdater::new_bunny(v[0], Some(limit)) },
    Entry { name: "cloudflare", keys: TOKEN, make: |v, limit| DnsUpdater::new_cloudflare(v[0], Some(limit)) },
    Entry { name: "desec", keys: TOKEN, make: |v, limit| DnsUpdater::new_desec(v[0], Some(limit)) },
    Entry {
        name: "digitalocean",
        keys: TOKEN,
        make: |v, limit| DnsUpdater::new_digitalocean(v[0], Some(limit)),
    },
    Entry {
        name: "dnsimple",
        keys: &["api-token", "account-id"],
        make: |v, limit| DnsUpdater::new_dnsimple(v[0], v[1], Some(limit)),
    },
    Entry {
        name: "domeneshop",
        keys: &["api-token", "api-secret"],
        make: |v, limit| DnsUpdater::new_domeneshop(v[0], v[1], Some(limit)),
    },
    Entry { name: "dreamhost", keys: KEY, make: |v, limit| DnsUpdater::new_dreamhost(v[0], Some(limit)) },
    Entry { name: "dynu", keys: KEY, make: |v, limit| DnsUpdater::new_dynu(v[0], Some(limit)) },
    Entry {
        name: "exoscale",
        keys: KEY_AND_SECRET,
        make: |v, limit| DnsUpdater::new_exoscale(v[0], v[1], Some(limit)),
    },
    Entry { name: "gandi", keys: TOKEN, make: |v, limit| DnsUpdater::new_gandiv5(v[0], Some(limit)) },
    Entry { name: "gcore", keys: TOKEN, make: |v, limit| DnsUpdater::new_gcore(v[0], Some(limit)) },
    Entry {
        name: "glesys",
        keys: USER_AND_KEY,
        make: |v, limit| DnsUpdater::new_glesys(v[0], v[1], Some(limit)),
    },
    Entry {
        name: "godaddy",
        keys: KEY_AND_SECRET,
        make: |v, limit| DnsUpdater::new_godaddy(v[0], v[1], Some(limit)),
    },
    Entry {
        name: "google",
        keys: &["service-account-json", "project-id"],
        make: |v, limit| {
            DnsUpdater::new_google_cloud_dns(GoogleCloudDnsConfig {
                service_account_json: v[0].to_owned(),
                project_id: v[1].to_owned(),
                managed_zone: None,
                private_zone: false,
                impersonate_service_account: None,
                request_timeout: Some(limit),
            })
        },
    },
    Entry { name: "hetzner", keys: TOKEN, make: |v, limit| DnsUpdater::new_hetzner(v[0], Some(limit)) },
    Entry { name: "hosting-de", keys: KEY, make: |v, limit| DnsUpdater::new_hostingde(v[0], Some(limit)) },
    Entry { name: "hostinger", keys: TOKEN, make: |v, limit| DnsUpdater::new_hostinger(v[0], Some(limit)) },
    Entry { name: "infomaniak", keys: TOKEN, make: |v, limit| DnsUpdater::new_infomaniak(v[0], Some(limit)) },
    Entry {
        name: "inwx",
        keys: USER_AND_PASSWORD,
        make: |v, limit| DnsUpdater::new_inwx(v[0], v[1], false, Some(limit)),
    },
    Entry { name: "ionos", keys: KEY, make: |v, limit| DnsUpdater::new_ionos(v[0], Some(limit)) },
    Entry { name: "linode", keys: TOKEN, make: |v, limit| DnsUpdater::new_linode(v[0], Some(limit)) },
    Entry {
        name: "luadns",
        keys: &["username", "api-token"],
        make: |v, limit| DnsUpdater::new_luadns(v[0], v[1], Some(limit)),
    },
    Entry {
        name: "mythic-beasts",
        keys: USER_AND_PASSWORD,
        make: |v, limit| DnsUpdater::new_mythicbeasts(v[0], v[1], Some(limit)),
    },
    Entry {
        name: "name-com",
        keys: &["username", "api-token"],
        make: |v, limit| DnsUpdater::new_namedotcom(v[0], v[1], Some(limit)),
    },
    Entry { name: "namesilo", keys: KEY, make: |v, limit| DnsUpdater::new_namesilo(v[0], Some(limit)) },
    Entry {
        name: "netcup",
        keys: &["customer-number", "api-key", "api-password"],
        make: |v, limit| DnsUpdater::new_netcup(v[0], v[1], v[2], Some(limit)),
    },
    Entry { name: "netlify", keys: TOKEN, make: |v, limit| DnsUpdater::new_netlify(v[0], Some(limit)) },
    Entry { name: "ns1", keys: KEY, make: |v, limit| DnsUpdater::new_ns1(v[0], Some(limit)) },
    Entry {
        name: "ovh",
        keys: &["application-key", "application-secret", "consumer-key", "endpoint"],
        make: |v, limit| DnsUpdater::new_ovh(v[0], v[1], v[2], v[3].parse()?, Some(limit)),
    },
    Entry {
        name: "porkbun",
        keys: KEY_AND_SECRET,
        make: |v, limit| DnsUpdater::new_porkbun(v[0], v[1], Some(limit)),
    },
    Entry {
        name: "powerdns",
        keys: &["api-key", "endpoint"],
        make: |v, limit| DnsUpdater::new_pdns(v[0], Some(v[1]), None::<&str>, Some(limit)),
    },
    Entry {
        name: "route53",
        keys: &["access-key-id", "secret-access-key"],
        make: |v, _| {
            DnsUpdater::new_route53(Route53Config {
                access_key_id: v[0].to_owned(),
                secret_access_key: v[1].to_owned(),
                session_token: None,
                region: None,
                hosted_zone_id: None,
                private_zone_only: None,
                endpoint: None,
            })
        },
    },
    Entry { name: "scaleway", keys: TOKEN, make: |v, limit| DnsUpdater::new_scaleway(v[0], Some(limit)) },
    Entry {
        name: "simply",
        keys: &["account-name", "api-key"],
        make: |v, limit| DnsUpdater::new_simplycom(v[0], v[1], Some(limit)),
    },
    Entry {
        name: "spaceship",
        keys: KEY_AND_SECRET,
        make: |v, limit| DnsUpdater::new_spaceship(v[0], v[1], Some(limit)),
    },
    Entry { name: "vultr", keys: KEY, make: |v, limit| DnsUpdater::new_vultr(v[0], Some(limit)) },
    Entry {
        name: "zone-eu",
        keys: USER_AND_KEY,
        make: |v, limit| DnsUpdater::new_zoneeu(v[0], v[1], Some(limit)),
    },
];
