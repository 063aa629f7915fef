//! The two servers of Xtract Universal and Board Connector, each with a certificate of its own.

use baton_testkit::product_server::Faults;
use baton_testkit::{Authority, Product, SettingsShape, openssl};

use crate::products::{HOST, Scene, handed_over};

const PRODUCTS: [Product; 2] = [Product::XtractUniversal, Product::BoardConnector];

/// What web server and configuration server serve, seen by OpenSSL.
fn served(scene: &Scene) -> [String; 2] {
    ["web-tls", "configuration"]
        .map(|name| openssl::served_certificate(scene.fixture.address(name), HOST).unwrap().thumbprint)
}

fn older_shape(product: Product) -> Scene {
    Scene::with_shape(product, SettingsShape::GeneralJson)
}

#[test]
fn each_server_is_handed_over_by_itself_and_back() {
    for product in PRODUCTS {
        let scene = older_shape(product);
        let (old, new) = (scene.old.thumbprint.clone(), scene.new.thumbprint.clone());
        let other = Authority::new("Other CA");
        let third = other.issue(&[HOST]).sign();
        scene.fixture.install(&third);
        let roots = fs_err::read_to_string(scene.world.path("root.pem")).unwrap() + other.root_pem();
        fs_err::write(scene.world.path("root.pem"), roots).unwrap();
        let before = scene.files();
        // Also where the settings name the endpoints of both.
        if product == Product::BoardConnector {
            let [web, configuration] = ["web-tls", "configuration"].map(|name| scene.fixture.address(name));
            scene.write_settings(&format!("endpoints = ['{web}', '{configuration}']"));
        }

        let swap = ["swap", "", &new, "--server", "configuration", "--json"];
        let report = scene.world.baton(&swap).expect(0).json();

        assert_eq!(report["outcome"], "served", "{product:?}");
        assert_eq!((report["old"].as_str(), report["certificate"].as_str()), (Some(old.as_str()), None));
        assert_eq!(report["proof"].as_array().unwrap().len(), 1, "the configuration server alone");
        assert_eq!(served(&scene), [old.clone(), new.clone()]);
        let configuration = scene.fixture.reference_files().remove(1);
        for (path, content) in &before {
            let is_changed = *path == configuration;
            let expected =
                if is_changed { handed_over(content, &scene.old, &scene.new) } else { content.clone() };
            assert_eq!(fs_err::read(path).unwrap(), expected, "{}", path.display());
        }

        // A handover of the target goes on with what the web server names, and tells of the other one.
        let whole = scene.world.baton(&["swap", "", &third.thumbprint, "--json"]).expect(0);
        assert!(whole.codes().contains(&"other-certificate-named".to_owned()), "{:?}", whole.codes());
        assert_eq!(served(&scene), [third.thumbprint.clone(), new.clone()]);

        let id = report["id"].to_string();
        let back = scene.world.baton(&["rollback", &id, "--json"]).expect(0).json();
        assert_eq!(back["new"], old.as_str());
        assert_eq!(served(&scene), [third.thumbprint.clone(), old.clone()]);
        scene.world.baton(&["swap", "", &old, "--server", "web"]).expect(0);
        assert_eq!(scene.files(), before, "both are as they were, to the bit");
    }
}

#[test]
fn a_server_that_refuses_its_certificate_is_rolled_back_alone() {
    let scene = older_shape(Product::XtractUniversal);
    let before = scene.files();
    let refuse_thumbprint = Some(scene.new.thumbprint.clone());
    scene.fixture.set_faults(&Faults { refuse_thumbprint, ..Faults::default() });

    let swap = ["swap", "", &scene.new.thumbprint, "--server", "configuration", "--json"];
    let ran = scene.world.baton(&swap).expect(4);

    assert_eq!(ran.json()["outcome"], "rolled-back");
    assert_eq!(scene.files(), before, "identical to the bit");
    assert_eq!(served(&scene), [scene.old.thumbprint.clone(), scene.old.thumbprint.clone()]);
}

#[test]
fn the_protocol_is_chosen_with_the_certificate() {
    let scene = older_shape(Product::XtractUniversal);
    let web = scene.fixture.reference_files().remove(0);
    let protocol = || {
        let settings: serde_json::Value = serde_json::from_slice(&fs_err::read(&web).unwrap()).unwrap();
        settings["protocol"].as_str().unwrap().to_owned()
    };
    let swap = ["swap", "", &scene.new.thumbprint, "--protocol", "https-custom-users"];
    scene.world.baton(&swap).expect(0);
    assert_eq!(protocol(), "HTTPS - Restricted to custom users with Designer read access");
    assert_eq!(served(&scene), [scene.new.thumbprint.clone(), scene.new.thumbprint.clone()]);

    // Another protocol alone is a handover to the same certificate: restarted, and proven.
    let swap = ["swap", "", &scene.new.thumbprint, "--protocol", "https", "--json"];
    assert_eq!(scene.world.baton(&swap).expect(0).json()["outcome"], "served");
    assert_eq!(protocol(), "HTTPS - Unrestricted");
    assert_eq!(scene.world.baton(&swap).expect(0).json()["outcome"], "unchanged");
}

#[test]
fn tls_is_switched_on_by_the_protocol_of_the_web_server() {
    let scene = older_shape(Product::BoardConnector);
    let web = scene.fixture.reference_files().remove(0);
    let text = fs_err::read_to_string(&web).unwrap();
    fs_err::write(&web, text.replace("HTTPS - Unrestricted", "HTTP - Unrestricted")).unwrap();
    scene.fixture.restart();
    assert!(openssl::served_certificate(scene.fixture.address("web-tls"), HOST).is_err());

    scene.world.baton(&["swap", "", &scene.new.thumbprint, "--enable-tls"]).expect(0);

    assert_eq!(served(&scene), [scene.new.thumbprint.clone(), scene.new.thumbprint.clone()]);
    assert!(fs_err::read_to_string(&web).unwrap().contains("\"HTTPS - Unrestricted\""));
}

#[test]
fn what_a_product_does_not_have_is_refused() {
    for (product, arguments, code) in [
        (Product::XtractUniversal, ["--server", "web"], "reference-shared"),
        (Product::Yunio, ["--server", "configuration"], "reference-shared"),
        (Product::Yunio, ["--protocol", "https"], "protocol-missing"),
    ] {
        let scene = Scene::new(product);
        let before = scene.files();
        let [flag, value] = arguments;
        let swap = ["swap", "", &scene.new.thumbprint, flag, value, "--json"];
        let ran = scene.world.baton(&swap).expect(3);
        assert!(ran.codes().contains(&code.to_owned()), "{:?}", ran.codes());
        assert_eq!(scene.files(), before);
    }
}
