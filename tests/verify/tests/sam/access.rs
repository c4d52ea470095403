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
    let mut problems = Problems(Vec::new());
    roles(&template, &mut problems);
    policies_of_secrets(&template, &mut problems);
    limits(&template, &mut problems);
    problems.0
}

struct Problems(Vec<String>);

impl Problems {
    fn expect(&mut self, what: &str, is: &Value, should: &Value) {
        if is != should {
            self.0.push(format!("{what}: {is} instead of {should}"));
        }
    }
}

/// What the functions may do.
fn roles(template: &Value, problems: &mut Problems) {
    let resources = &template["Resources"];
    let mut expect = |what: &str, is: &Value, should: Value| problems.expect(what, is, &should);
    let verifying = json!(["HasKeyPair", "PublicKeys", "SigningKey"]);
    let key = |variables: &Value| variables["Environment"]["Variables"]["JWT_SECRET_ID"].clone();
    expect("keys", &key(&template["Globals"]["Function"]), verifying.clone());
    for (function, own_keys, reads) in [
        ("Login", json!("SigningKey"), json!(["SigningKey", "DatabaseSecretArn"])),
        ("Validate", json!(null), verifying.clone()),
        ("Authorizer", json!(null), verifying),
    ] {
        let properties = &resources[function]["Properties"];
        expect("keys of its own", &key(properties), own_keys);
        expect("a role", &properties["Role"], json!(format!("{function}Role.Arn")));
        let role = &resources[format!("{function}Role")]["Properties"];
        let logs = json!(["logs:CreateLogStream", "logs:PutLogEvents"]);
        let mut may = vec![
            allow(&logs, &json!(format!("{function}Logs.Arn"))),
            allow(&json!("secretsmanager:GetSecretValue"), &reads),
        ];
        let mut managed = json!(null);
        if function == "Login" {
            let decrypt = allow(&json!("kms:Decrypt"), &json!("DatabaseSecretKmsKeyArn"));
            may.push(json!(["HasDatabaseSecretKey", decrypt, "AWS::NoValue"]));
            let policy = "policy/service-role/AWSLambdaENIManagementAccess";
            let policy = format!("arn:${{AWS::Partition}}:iam::aws:{policy}");
            managed = json!([["IsInVpc", policy, "AWS::NoValue"]]);
        }
        let policies = json!([{
            "PolicyName": function.to_lowercase(),
            "PolicyDocument": { "Version": "2012-10-17", "Statement": may },
        }]);
        expect(&format!("what {function} may"), &role["Policies"], policies);
        expect("managed policies", &role["ManagedPolicyArns"], managed);
        let lambda = json!({
            "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" },
            "Action": "sts:AssumeRole",
        });
        let trusts = json!({ "Version": "2012-10-17", "Statement": [lambda] });
        expect("who has the role", &role["AssumeRolePolicyDocument"], trusts);
    }
    let types = resources.as_object().expect("resources").values().map(|it| &it["Type"]);
    let identities = types.filter(|it| it.as_str().is_some_and(|it| it.starts_with("AWS::IAM::")));
    expect("roles and no more", &json!(identities.count()), json!(3));
}

/// Who reads and writes keys.
fn policies_of_secrets(template: &Value, problems: &mut Problems) {
    let resources = &template["Resources"];
    let mut expect = |what: &str, is: &Value, should: Value| problems.expect(what, is, &should);
    let role =
        |name: &str| format!("arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/${{{name}}}");
    let writers = json!([role("KeyAdministratorRole"), role("DeployerRole")]);
    let readers = json!([
        role("KeyAdministratorRole"),
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
        let policy = &resources[format!("{secret}Policy")];
        expect("when there is a policy", &policy["Condition"], json!(null));
        expect("what becomes of it", &policy["DeletionPolicy"], json!("Retain"));
        let policy = &policy["Properties"];
        expect("whose policy", &policy["SecretId"], json!(secret));
        expect("a policy", &policy["ResourcePolicy"]["Statement"], statements);
        let properties = resources[secret]["Properties"].as_object().expect("properties");
        expect("a value that a deployment writes", &json!(properties.len()), json!(1));
    }
    for (name, condition) in [
        ("HasKeyPair", json!(["SigningKeyKind", "key-pair"])),
        ("HasSharedSecret", json!([{ "Condition": "HasKeyPair" }])),
        ("HasFunctionUrls", json!([["FunctionUrlAuthType", ""]])),
        ("HasPublicFunctionUrls", json!(["FunctionUrlAuthType", "NONE"])),
    ] {
        expect(name, &template["Conditions"][name], condition);
    }
}

/// What is open to everybody, and how far.
fn limits(template: &Value, problems: &mut Problems) {
    let resources = &template["Resources"];
    let mut expect = |what: &str, is: &Value, should: Value| problems.expect(what, is, &should);
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
}

fn allow(action: &Value, resource: &Value) -> Value {
    json!({ "Effect": "Allow", "Action": action, "Resource": resource })
}

#[test]
fn the_template_gives_each_what_it_needs_and_nothing_more() {
    assert_eq!(problems(&text()), [""; 0]);
}

#[test]
fn more_than_that_is_seen() {
    let reads =
        "                Action: secretsmanager:GetSecretValue\n                Resource: !If";
    let readers = "Resource: !If [HasKeyPair, !Ref PublicKeys, !Ref SigningKey]\n";
    let url = "    Type: AWS::Lambda::Url\n    Condition: HasFunctionUrls\n";
    let a_role = "  ValidateLogs:\n    Type: AWS::Logs::LogGroup\n";
    for (name, right, wrong) in [
        (
            "all verify with the private key",
            "[HasKeyPair, !Ref PublicKeys,",
            "[HasKeyPair, !Ref X,",
        ),
        ("a role reads the private key", readers, "Resource: !Ref SigningKey\n"),
        ("a role reads everything", readers, "Resource: \"*\"\n"),
        ("a role writes", reads, &reads.replace("GetSecretValue", "*")),
        ("a role may do anything", reads, &reads.replace("secretsmanager:GetSecretValue", "\"*\"")),
        ("another one's role", "Role: !GetAtt ValidateRole.Arn", "Role: !GetAtt LoginRole.Arn"),
        ("a user has the role", "Service: lambda.amazonaws.com", "AWS: \"*\""),
        ("a policy beside the roles", a_role, "  ValidateLogs:\n    Type: AWS::IAM::Policy\n"),
        ("a stage can be moved", "              - secretsmanager:UpdateSecretVersionStage\n", ""),
        ("the policy can be deleted", "              - secretsmanager:DeleteResourcePolicy\n", ""),
        ("everybody writes", "role/${DeployerRole}", "role/*"),
        ("a policy for another secret", "SecretId: !Ref PublicKeys", "SecretId: !Ref SigningKey"),
        (
            "a policy now and then",
            "  SigningKeyPolicy:\n",
            "  SigningKeyPolicy:\n    Condition: HasSharedSecret\n",
        ),
        (
            "validate reads the private key",
            "- !If [HasSharedSecret, !GetAtt ValidateRole.Arn, !Ref AWS::NoValue]",
            "- !GetAtt ValidateRole.Arn",
        ),
        ("a shared secret", "Default: key-pair", "Default: shared-secret"),
        (
            "a value of the deployment's",
            "Properties: { Description: Signs",
            "Properties: { GenerateSecretString: {}, Description: Signs",
        ),
        (
            "URLs",
            "    Default: \"\"\n    AllowedValues: [\"\", AWS_IAM",
            "    Default: NONE\n    AllowedValues: [\"\", AWS_IAM",
        ),
        ("a URL whatever is said", url, "    Type: AWS::Lambda::Url\n"),
        (
            "a URL for everybody",
            "HasPublicFunctionUrls: !Equals [!Ref FunctionUrlAuthType, NONE]",
            "HasPublicFunctionUrls: !Equals [!Ref FunctionUrlAuthType, AWS_IAM]",
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
