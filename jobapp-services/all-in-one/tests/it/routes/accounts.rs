//! Accounts and sessions.

use serde_json::json;

use super::{Row, call, row};
use crate::harness::bodies::{self, PASSWORD};
use crate::harness::checks::text;
use crate::harness::people::{token_in, unique};
use crate::harness::shared;

pub fn rows() -> Vec<Row> {
    vec![
        row!("POST" "/auth/signup", 201 "User created successfully" ["message", "user"], |trade| {
            let name = format!("Newcomer{}", unique());
            let body = bodies::sign_up(&name, &format!("{name}@example.org"));
            call(&trade.buyer.without_cookies(), "/auth/signup").with(body)
        })
        .public(),
        row!("POST" "/auth/signin", 200 "User login successfully" ["browserName", "deviceType", "message", "user"], |trade| {
            let body = json!({ "username": trade.buyer.username, "password": PASSWORD, "browserName": "Firefox",
                "deviceType": "browser" });
            call(&trade.buyer.without_cookies(), "/auth/signin").with(body)
        })
        .public(),
        row!("POST" "/auth/signout", 200 "Logout successful" ["message", "sessionEnded", "user"], |trade| {
            call(&trade.buyer.without_cookies(), "/auth/signout").with(json!({}))
        })
        .public(),
        row!("PUT" "/auth/verify-email", 200 "Email verified successfully." ["message", "user"], |trade| {
            let token = trade.buyer.verify_token().await;
            call(&trade.buyer.without_cookies(), "/auth/verify-email").with(json!({ "token": token }))
        })
        .public(),
        row!("PUT" "/auth/verify-otp/:otp", 200 "OTP verified successfully." ["message", "user"], |trade| {
            let browser = trade.buyer.without_cookies();
            let device = json!({ "browserName": "Opera", "deviceType": "mobile" });
            let mut body = device.clone();
            body["username"] = json!(trade.buyer.username);
            body["password"] = json!(PASSWORD);
            browser.post("/auth/signin", body).await.says("OTP code sent");
            let code = text(&trade.buyer.mail("otpEmail").await, "/code");
            call(&browser, format!("/auth/verify-otp/{code}")).with(device)
        })
        .public(),
        row!("PUT" "/auth/forgot-password", 200 "Password reset email sent." ["message"], |trade| {
            call(&trade.buyer.without_cookies(), "/auth/forgot-password").with(json!({ "email": trade.buyer.email }))
        })
        .public(),
        row!("PUT" "/auth/reset-password/:token", 200 "Password successfully updated." ["message"], |_trade| {
            let person = shared().person().await;
            let browser = person.without_cookies();
            browser.put("/auth/forgot-password", json!({ "email": person.email })).await.good();
            let token = token_in(&person.mail("forgotPassword").await, "token=");
            let body = json!({ "password": "another horse 8", "confirmPassword": "another horse 8", "token": token });
            call(&browser, format!("/auth/reset-password/{token}")).with(body)
        })
        .public(),
        row!("PUT" "/auth/change-password", 200 "Password successfully updated." ["message"], |_trade| {
            let body = json!({ "currentPassword": PASSWORD, "newPassword": "another horse 8" });
            let person = shared().person().await;
            call(&person, "/auth/change-password").with(body)
        }),
        row!("GET" "/auth/search/gig/:from/:size/:type", 200 "Search gigs results" ["gigs", "message", "total"], |trade| {
            call(&trade.buyer.without_cookies(), "/auth/search/gig/0/10/forward?query=sketches")
        })
        .public(),
        row!("GET" "/auth/search/gig/:gigId", 200 "Get gig by id" ["gig", "message"], |trade| {
            call(&trade.buyer.without_cookies(), format!("/auth/search/gig/{}", trade.gig.id))
        })
        .public(),
        row!("GET" "/auth/refresh-token/:username", 200 "Refresh token" ["message", "user"], |trade| {
            call(&trade.buyer, format!("/auth/refresh-token/{}", trade.buyer.username))
        }),
        row!("GET" "/auth/logged-in-user", 200 "User is online" ["message"], |trade| {
            call(&trade.buyer, "/auth/logged-in-user")
        }),
        row!("GET" "/auth/currentuser", 200 "Authenticated user" ["message", "user"], |trade| {
            call(&trade.buyer, "/auth/currentuser")
        }),
        row!("POST" "/auth/resend-email", 200 "Email verification sent" ["message", "user"], |trade| {
            let body = json!({ "userId": trade.buyer.id, "email": trade.buyer.email });
            call(&trade.buyer, "/auth/resend-email").with(body)
        }),
        row!("DELETE" "/auth/logged-in-user/:username", 200 "User is offline" ["message"], |trade| {
            call(&trade.buyer, format!("/auth/logged-in-user/{}", trade.buyer.username))
        }),
        row!("GET" "/auth/sessions", 200 "Sessions" ["message", "sessions"], |trade| {
            call(&trade.buyer, "/auth/sessions")
        }),
        row!("DELETE" "/auth/sessions/:sid", 200 "Session ended" ["message"], |trade| {
            let browser = trade.seller.without_cookies();
            let body = json!({ "username": trade.seller.username, "password": PASSWORD, "browserName": "Firefox",
                "deviceType": "browser" });
            browser.post("/auth/signin", body).await.says("User login successfully");
            let list = trade.seller.get("/auth/sessions").await.good();
            let others = list["sessions"].as_array().unwrap().iter().find(|one| one["current"] == false).unwrap();
            call(&trade.seller, format!("/auth/sessions/{}", text(others, "/sid")))
        }),
    ]
}
