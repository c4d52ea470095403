//! Who may read and write keys and call functions, as `template.yaml` has it, and that an error
//! in it would be seen.

use std::fs;

use serde_json::{Value, json};
use system_tests::workspace;

/// What writes a secret's values, moves its stages, or changes who may.
const WRITES: [&str; 14] = [
    "CancelRotateSecret",
    "DeleteResourcePolicy",
    "DeleteSecret",
    "PutResourcePolicy",
    "PutSecretValue",
    "RemoveRegionsFromReplication",
    "ReplicateSecretToRegions",
    "RestoreSecret",
    "RotateSecret",
    "StopReplicationToReplica",
    "TagResource",
    "UntagResource",
    "UpdateSecret",
    "UpdateSecretVersionStage",
];

fn text() -> String {
    fs::read_to_string(workspace().join("template.yaml")).expect("the template")
}

/// What is wrong with a template; `!Ref A` is read as `A`, and `!If [C, A, B]` as a list.
fn problems(text: &str) -> Vec<String> {
    let template: Value = serde_saphyr::from_str(text).expect("YAML");
    let resources = &template["Resources"];
    let mut problems = Vec::new();
    let mut expect = |what: &str, is: &Value, should: Value| {
        if *is != should {
            problems.push(format!("{what}: {is} instead of {should}"));
        }
    };

    let verifying = json!(["HasKeyPair", "PublicKeys", "SigningKey"]);
    let key = |variables: &Value| variables["Environment"]["Variables"]["JWT_SECRET_ID"].clone();
    expect("keys", &key(&template["Globals"]["Function"]), verifying.clone());
    expect("login's keys", &key(&resources["Login"]["Properties"]), json!("SigningKey"));
    for (function, reads) in [
        ("Login", json!(["SigningKey", "DatabaseSecretArn"])),
        ("Validate", verifying.clone()),
        ("Authorizer", verifying),
    ] {
        let role = &resources[format!("{function}Role")]["Properties"];
        let statements = &role["Policies"][0]["PolicyDocument"]["Statement"];
        let statements = statements.as_array().expect("statements").iter();
        let secrets = statements.filter(|it| it.to_string().contains("secretsmanager:"));
        let secrets: Vec<_> = secrets.map(|it| [&it["Action"], &it["Resource"]]).collect();
        let allowed = json!([["secretsmanager:GetSecretValue", reads]]);
        expect(&format!("what {function} may"), &json!(secrets), allowed);
        expect("policies", &json!(role["Policies"].as_array().map(Vec::len)), json!(1));
    }

    let writers = json!(["KeyAdministratorArn", "DeployerArn"]);
    let readers = json!([
        "KeyAdministratorArn",
        "LoginRole.Arn",
        ["HasSharedSecret", "ValidateRole.Arn", "AWS::NoValue"],
        ["HasSharedSecret", "AuthorizerRole.Arn", "AWS::NoValue"],
    ]);
    let deny = |sid: &str, action: Value, but: &Value| {
        let but = json!({ "StringNotEquals": { "aws:PrincipalArn": but } });
        json!({
            "Sid": sid, "Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*",
            "Condition": but,
        })
    };
    let write = WRITES.map(|action| format!("secretsmanager:{action}"));
    let write = deny("NobodyElseWrites", json!(write), &writers);
    let read = deny("NobodyElseReads", json!("secretsmanager:GetSecretValue"), &readers);
    for (secret, statements) in
        [("SigningKey", json!([read, write])), ("PublicKeys", json!([write]))]
    {
        let policy = &resources[format!("{secret}Policy")]["Properties"];
        expect("whose policy", &policy["SecretId"], json!(secret));
        expect("a policy", &policy["ResourcePolicy"]["Statement"], statements);
    }

    let parameter = |name: &str| &template["Parameters"][name]["Default"];
    expect("the kind of key", parameter("SigningKeyKind"), json!("key-pair"));
    expect("function URLs", parameter("FunctionUrlAuthType"), json!(""));
    for function in ["Login", "Validate"] {
        for (resource, condition) in [
            ("Url", "HasFunctionUrls"),
            ("UrlPermission", "HasPublicFunctionUrls"),
            ("UrlInvokePermission", "HasPublicFunctionUrls"),
        ] {
            let resource = format!("{function}{resource}");
            expect(&resource, &resources[&resource]["Condition"], json!(condition));
        }
        for limit in ["ReservedConcurrency", "RateLimit", "BurstLimit"] {
            let limit = format!("{function}{limit}");
            let is_set = parameter(&limit).as_i64().is_some_and(|limit| limit > 0);
            expect(&limit, &json!(is_set), json!(true));
        }
    }
    let api = &resources["Api"]["Properties"];
    for (settings, function) in
        [(&api["RouteSettings"]["ANY /login"], "Login"), (&api["DefaultRouteSettings"], "Validate")]
    {
        let [rate, burst] = ["RateLimit", "BurstLimit"].map(|limit| format!("{function}{limit}"));
        let limits = json!({ "ThrottlingRateLimit": rate, "ThrottlingBurstLimit": burst });
        expect("limits of a route", settings, limits);
    }
    problems
}

#[test]
fn the_template_gives_each_what_it_needs_and_nothing_more() {
    assert_eq!(problems(&text()), [""; 0]);
}

#[test]
fn whoever_is_given_more_is_seen() {
    let last_key = "                Resource: !If [HasKeyPair, !Ref PublicKeys, !Ref SigningKey]\n";
    for (name, right, wrong) in [
        (
            "all verify with the private key",
            "[HasKeyPair, !Ref PublicKeys, !Ref SigningKey]\n        JWT_ISSUER",
            "[HasKeyPair, !Ref SigningKey, !Ref SigningKey]\n        JWT_ISSUER",
        ),
        ("a role reads the private key", last_key, "                Resource: !Ref SigningKey\n"),
        ("a role reads everything", last_key, "                Resource: \"*\"\n"),
        (
            "a role writes",
            "                Action: secretsmanager:GetSecretValue\n                Resource: !If",
            "                Action: secretsmanager:*\n                Resource: !If",
        ),
        ("a stage can be moved", "              - secretsmanager:UpdateSecretVersionStage\n", ""),
        ("the policy can be deleted", "              - secretsmanager:DeleteResourcePolicy\n", ""),
        (
            "everybody writes",
            "[!Ref KeyAdministratorArn, !Ref DeployerArn]",
            "[\"*\", !Ref DeployerArn]",
        ),
        ("a policy for another secret", "SecretId: !Ref PublicKeys", "SecretId: !Ref SigningKey"),
        (
            "validate reads the private key",
            "- !If [HasSharedSecret, !GetAtt ValidateRole.Arn, !Ref AWS::NoValue]",
            "- !GetAtt ValidateRole.Arn",
        ),
        ("a shared secret", "Default: key-pair", "Default: shared-secret"),
        (
            "URLs",
            "    Default: \"\"\n    AllowedValues: [\"\", AWS_IAM",
            "    Default: NONE\n    AllowedValues: [\"\", AWS_IAM",
        ),
        (
            "a URL whatever is said",
            "    Type: AWS::Lambda::Url\n    Condition: HasFunctionUrls\n",
            "    Type: AWS::Lambda::Url\n",
        ),
        (
            "no reservation",
            "    Default: 100\n    MinValue: -1\n",
            "    Default: -1\n    MinValue: -1\n",
        ),
        ("no limit of a route", "      DefaultRouteSettings:\n", "      Others:\n"),
    ] {
        let text = text();
        assert!(text.contains(right), "{name}: {right}");
        assert!(!problems(&text.replacen(right, wrong, 1)).is_empty(), "{name}");
    }
}
