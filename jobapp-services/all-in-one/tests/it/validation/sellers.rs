//! Sellers.

use serde_json::{Value, json};

use super::{
    Case, blank_text, body, check, gone, optional_boolean, optional_number, optional_text, own_words, required_text,
    set,
};
use crate::harness::checks::has;
use crate::harness::{bodies, shared};

fn cases() -> Vec<Case> {
    let mut cases =
        own_words("/fullName", "Fullname must be of type string", "Fullname is required", "Fullname is required");
    cases.extend(["/_id", "/id", "/username", "/email"].into_iter().flat_map(optional_text));
    cases.extend(blank_text("/profilePublicId"));
    for (place, wrong_type, empty) in [
        ("/profilePicture", "Please add a profile picture", "Profile picture is required"),
        ("/description", "Please add a seller description", "Seller description is required"),
        ("/country", "Please select a country", "Country field is required"),
        ("/oneliner", "Please add your oneliner", "Oneliner field is required"),
    ] {
        cases.extend(own_words(place, wrong_type, empty, empty));
    }
    for (place, missing, few) in [
        ("/skills", "Skills are required", "Please add at least one skill"),
        ("/languages", "Languages are required", "Please add at least one language"),
        ("/experience", "Experience is required", "Please add at least one work experience"),
        ("/education", "Education is required", "Please add at least one education"),
    ] {
        let name = &place[1..];
        cases.extend([
            gone(place, missing),
            set(place, json!([]), few),
            set(place, "x", &format!("\"{name}\" must be an array")),
            set(place, json!({ "$ne": null }), &format!("\"{name}\" must be an array")),
            set(place, Value::Null, &format!("\"{name}\" must be an array")),
        ]);
        if place != "/skills" {
            cases.push(set(place, json!(["x"]), &format!("\"{name}[0]\" must be of type object")));
            let unknown = format!("{place}/0/foo");
            cases.push(set(&unknown, 1, &format!("\"{name}[0].foo\" is not allowed")));
        }
    }
    cases.extend([
        set("/skills", json!([""]), "Skills are required"),
        set("/skills", json!([1]), "\"skills[0]\" must be a string"),
        set("/skills", json!(["Drawing", { "$ne": null }]), "\"skills[1]\" must be a string"),
        gone("/responseTime", "Response time is required"),
        set("/responseTime", 0, "Response time must be greater than zero"),
        set("/responseTime", -1, "Response time must be greater than zero"),
        set("/responseTime", "0", "Response time must be greater than zero"),
    ]);
    cases.extend(optional_number("/responseTime"));
    cases.extend(required_text("/languages/0/language"));
    cases.extend(required_text("/languages/0/level"));
    for part in ["company", "title", "startDate", "endDate", "description"] {
        cases.extend(blank_text(&format!("/experience/0/{part}")));
    }
    cases.extend(optional_boolean("/experience/0/currentlyWorkingHere"));
    for part in ["country", "university", "title", "major", "year"] {
        cases.extend(blank_text(&format!("/education/0/{part}")));
    }
    for part in ["name", "from"] {
        cases.extend(blank_text(&format!("/certificates/0/{part}")));
    }
    cases.extend([
        set("/certificates/0/year", "soon", "\"certificates[0].year\" must be a number"),
        set("/certificates/0/foo", 1, "\"certificates[0].foo\" is not allowed"),
        set("/certificates", "x", "\"certificates\" must be an array"),
        set("/socialLinks", "x", "\"socialLinks\" must be an array"),
    ]);
    for counter in
        ["ratingsCount", "ratingSum", "ongoingJobs", "completedJobs", "cancelledJobs", "totalEarnings", "totalGigs"]
    {
        cases.extend(optional_number(&format!("/{counter}")));
    }
    cases.extend([
        set("/ratingCategories", "x", "\"ratingCategories\" must be of type object"),
        set("/ratingCategories", json!({ "six": {} }), "\"ratingCategories.six\" is not allowed"),
        set("/ratingCategories", json!({ "five": 5 }), "\"ratingCategories.five\" must be of type object"),
        set(
            "/ratingCategories",
            json!({ "five": { "value": "x" } }),
            "\"ratingCategories.five.value\" must be a number",
        ),
        set("/recentDelivery", 1, "\"recentDelivery\" must be a string"),
        set("/updatedAt", "now", "\"updatedAt\" is not allowed"),
        set("/paypal", "me", "\"paypal\" is not allowed"),
        set("/__v", 0, "\"__v\" is not allowed"),
        body(json!({}), "Fullname is required"),
        body(json!({ "x": 1 }), "Fullname is required"),
        body(json!([]), "Fullname is required"),
    ]);
    cases.extend(optional_text("/createdAt"));
    cases
}

#[tokio::test]
async fn a_new_seller() {
    let person = shared().person().await;
    let valid = bodies::seller(&person.email);
    check(&person, "POST", "/seller/create", &valid, "Create seller() method error", cases()).await;

    let answer = person.post("/seller/create", valid).await;
    let error = answer.refused_with(400, "Seller already exist. Go to your account page to update.");
    assert_eq!(error["comingFrom"], "Create seller() method error");
}

#[tokio::test]
async fn a_changed_seller() {
    let seller = shared().seller().await;
    let path = format!("/seller/{}", seller.seller_id);
    check(&seller, "PUT", &path, &bodies::seller(&seller.email), "Update seller() method error", cases()).await;
}

#[tokio::test]
async fn numbers_and_booleans_of_a_seller_may_come_as_texts_and_counters_are_ignored() {
    let seller = shared().seller().await;
    let mut body = bodies::seller(&seller.email);
    body["responseTime"] = json!("6");
    body["experience"][0]["currentlyWorkingHere"] = json!("true");
    body["profilePublicId"] = json!(null);
    body["socialLinks"] = json!("");
    body["certificates"] = json!(null);
    body["recentDelivery"] = json!("");
    body["createdAt"] = json!("1999-01-01T00:00:00.000Z");
    body["_id"] = json!("649db27404c0c7b7d4b112ec");
    body["username"] = json!("Somebody Else");
    for counter in
        ["ratingsCount", "ratingSum", "ongoingJobs", "completedJobs", "cancelledJobs", "totalEarnings", "totalGigs"]
    {
        body[counter] = json!("99");
    }
    body["ratingCategories"] = json!({ "five": { "value": 5, "count": "1" } });
    let answer = seller.put(&format!("/seller/{}", seller.seller_id), body).await;
    let document = &answer.says("Seller created successfully.")["seller"];
    for (place, value) in [
        ("/responseTime", json!(6)),
        ("/experience/0/currentlyWorkingHere", json!(true)),
        ("/socialLinks", json!([])),
        ("/certificates", json!([])),
        ("/ratingsCount", json!(0)),
        ("/ratingSum", json!(0)),
        ("/ratingCategories/five/count", json!(0)),
        ("/ongoingJobs", json!(0)),
        ("/completedJobs", json!(0)),
        ("/totalGigs", json!(0)),
        ("/username", json!(seller.username)),
        ("/_id", json!(seller.seller_id)),
        ("/recentDelivery", json!(null)),
    ] {
        has(document, place, value);
    }
    assert_ne!(document["createdAt"], "1999-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn ids_and_sizes_in_paths_of_sellers() {
    let person = shared().person().await;
    for id in ["1", "undefined", "null", "649db27404c0c7b7d4b112eg", "%7B%22$ne%22%3Anull%7D", "%F0%9F%A6%80"] {
        let answer = person.get(&format!("/seller/id/{id}")).await;
        assert!(matches!(answer.status, 400 | 404), "{answer}");
        answer.error();
    }
    person.get("/seller/id/649db27404c0c7b7d4b112ec").await.refused(404);
    for size in ["0", "many", "-1", "1.5", "undefined", "99999999999999999999"] {
        let answer = person.get(&format!("/seller/random/{size}")).await;
        // A size too large may as well be answered with all there are.
        assert!(answer.status == 400 || size.starts_with("99") && answer.status == 200, "{answer}");
    }
    let path = "/seller/649db27404c0c7b7d4b112ec";
    let answer = person.put(path, bodies::seller(&person.email)).await;
    assert!(matches!(answer.status, 403 | 404), "{answer}");
    answer.error();
}
