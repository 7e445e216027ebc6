//! The gateway's routes: one table that drives matching, forwarding, the OpenAPI document and the tests.

use http::Method;

pub use super::route::{Answer, BodySize, CacheRule, Kept, Page, RateClass, Route, Sends, Session, Target};

/// The path every API route starts with.
pub const BASE_PATH: &str = "/api/gateway/v1";

use Target::{Auth, Buyer, Gig, Message, Order, Review, Seller};

fn route(method: Method, path: &'static str, target: Target, downstream: &'static str) -> Route {
    Route {
        method,
        path,
        private: true,
        answer: Answer::Forward { target, path: downstream },
        sends: Sends::Nothing,
        status: 200,
        keys: &[],
        session: Session::Keep,
        class: RateClass::General,
        cache: CacheRule::None,
        seed: false,
    }
}

fn get(path: &'static str, target: Target, downstream: &'static str) -> Route {
    route(Method::GET, path, target, downstream)
}

fn post(path: &'static str, target: Target, downstream: &'static str) -> Route {
    Route { sends: Sends::Whole(BodySize::Small), status: 201, ..route(Method::POST, path, target, downstream) }
}

fn put(path: &'static str, target: Target, downstream: &'static str) -> Route {
    Route { sends: Sends::Whole(BodySize::Small), ..route(Method::PUT, path, target, downstream) }
}

impl Route {
    fn public(self) -> Self {
        Self { private: false, ..self }
    }

    fn sends(self, sends: Sends) -> Self {
        Self { sends, ..self }
    }

    fn picks(self, keys: &'static [&'static str]) -> Self {
        self.sends(Sends::Keys(keys))
    }

    fn up_to(self, size: BodySize) -> Self {
        self.sends(Sends::Whole(size)).class(RateClass::Upload)
    }

    fn class(self, class: RateClass) -> Self {
        Self { class, ..self }
    }

    fn keeps(self, kept: Kept) -> Self {
        Self { cache: CacheRule::Keeps(kept), ..self }
    }

    fn spoils(self, kept: Kept) -> Self {
        Self { cache: CacheRule::Spoils(kept), ..self }
    }

    fn answers(self, status: u16) -> Self {
        Self { status, ..self }
    }

    fn only(self, keys: &'static [&'static str]) -> Self {
        Self { keys, ..self }
    }

    fn starts_session(self) -> Self {
        Self { session: Session::Start, ..self }
    }

    fn copied(self) -> Self {
        Self { session: Session::Copy, ..self }
    }

    fn seeds(self) -> Self {
        Self { seed: true, ..self }.sends(Sends::Nothing)
    }

    fn by_us(self, answer: Answer) -> Self {
        Self { answer, ..self }.sends(Sends::Nothing)
    }
}

/// Every API route, in the order of the contract.
pub fn all() -> Vec<Route> {
    vec![
        // Accounts and sessions, public.
        post("/auth/signup", Auth, "/signup")
            .public()
            .up_to(BodySize::Picture)
            .only(&["message", "user"])
            .starts_session()
            .class(RateClass::SignUp),
        post("/auth/signin", Auth, "/signin")
            .public()
            .answers(200)
            .only(&["message", "user", "browserName", "deviceType", "hint"])
            .starts_session()
            .class(RateClass::SignIn),
        post("/auth/signout", Auth, "/session/end").public().answers(200).by_us(Answer::SignOut),
        put("/auth/verify-email", Auth, "/verify-email").public().picks(&["token"]).class(RateClass::Code),
        put("/auth/verify-otp/:otp", Auth, "/verify-otp/:otp")
            .public()
            .only(&["message", "user"])
            .starts_session()
            .class(RateClass::Code),
        put("/auth/forgot-password", Auth, "/forgot-password").public().picks(&["email"]).class(RateClass::Mail),
        put("/auth/reset-password/:token", Auth, "/reset-password/:token")
            .public()
            .picks(&["password", "confirmPassword"])
            .class(RateClass::Code),
        put("/auth/change-password", Auth, "/change-password")
            .picks(&["currentPassword", "newPassword"])
            .class(RateClass::SignIn),
        put("/auth/seed/:count", Auth, "/seed/:count").public().seeds(),
        // Search, public.
        get("/auth/search/gig/:from/:size/:type", Gig, "/search/:from/:size/:type")
            .public()
            .sends(Sends::Query)
            .class(RateClass::Search),
        get("/auth/search/gig/:gigId", Gig, "/:gigId").public().keeps(Kept::Gig),
        // The current user.
        get("/auth/refresh-token/:username", Auth, "/refresh-token/:username")
            .only(&["message", "user"])
            .starts_session(),
        get("/auth/logged-in-user", Auth, "/currentuser").by_us(Answer::Online),
        get("/auth/currentuser", Auth, "/currentuser").copied().class(RateClass::Never),
        post("/auth/resend-email", Auth, "/resend-email").answers(200).class(RateClass::Mail),
        route(Method::DELETE, "/auth/logged-in-user/:username", Auth, "/currentuser").by_us(Answer::Offline),
        // Ours: one's sessions.
        get("/auth/sessions", Auth, "/sessions"),
        route(Method::DELETE, "/auth/sessions/:sid", Auth, "/sessions/:sid"),
        // Ours: one's second factor.
        get("/auth/second-factor", Auth, "/second-factor"),
        post("/auth/second-factor", Auth, "/second-factor").class(RateClass::SignIn),
        put("/auth/second-factor", Auth, "/second-factor").class(RateClass::SignIn),
        route(Method::DELETE, "/auth/second-factor", Auth, "/second-factor")
            .sends(Sends::Whole(BodySize::Small))
            .class(RateClass::SignIn),
        // Buyers.
        get("/buyer/email", Buyer, "/email"),
        get("/buyer/username", Buyer, "/username"),
        get("/buyer/:username", Buyer, "/:username").keeps(Kept::Buyer),
        // Sellers.
        get("/seller/id/:sellerId", Seller, "/id/:sellerId").keeps(Kept::Seller),
        get("/seller/username/:username", Seller, "/username/:username").keeps(Kept::SellerNamed),
        get("/seller/random/:size", Seller, "/random/:size"),
        post("/seller/create", Seller, "/create").up_to(BodySize::Picture).spoils(Kept::Seller),
        put("/seller/:sellerId", Seller, "/:sellerId").up_to(BodySize::Picture).spoils(Kept::Seller),
        put("/seller/seed/:count", Seller, "/seed/:count").seeds(),
        // Gigs.
        get("/gig/:gigId", Gig, "/:gigId").keeps(Kept::Gig),
        get("/gig/seller/:sellerId", Gig, "/seller/:sellerId"),
        get("/gig/seller/pause/:sellerId", Gig, "/seller/pause/:sellerId"),
        get("/gig/search/:from/:size/:type", Gig, "/search/:from/:size/:type")
            .sends(Sends::Query)
            .class(RateClass::Search),
        get("/gig/category/:username", Gig, "/category/:username").only(&["message", "gigs"]),
        get("/gig/top/:username", Gig, "/top/:username").only(&["message", "gigs"]),
        get("/gig/similar/:gigId", Gig, "/similar/:gigId").only(&["message", "gigs"]),
        post("/gig/create", Gig, "/create").up_to(BodySize::Picture),
        put("/gig/:gigId", Gig, "/:gigId").up_to(BodySize::Picture).spoils(Kept::Gig),
        put("/gig/active/:gigId", Gig, "/active/:gigId").picks(&["active"]).spoils(Kept::Gig),
        put("/gig/seed/:count", Gig, "/seed/:count").seeds(),
        route(Method::DELETE, "/gig/:gigId/:sellerId", Gig, "/:gigId/:sellerId").spoils(Kept::Gig),
        // Messages.
        get(
            "/message/conversation/:senderUsername/:receiverUsername",
            Message,
            "/conversation/:senderUsername/:receiverUsername",
        ),
        get("/message/conversations/:username", Message, "/conversations/:username"),
        get("/message/:senderUsername/:receiverUsername", Message, "/:senderUsername/:receiverUsername"),
        get("/message/:conversationId", Message, "/:conversationId"),
        post("/message", Message, "").answers(200).up_to(BodySize::File),
        put("/message/offer", Message, "/offer").picks(&["messageId", "type"]),
        put("/message/mark-as-read", Message, "/mark-as-read").picks(&["messageId"]),
        put("/message/mark-multiple-as-read", Message, "/mark-multiple-as-read").picks(&[
            "receiverUsername",
            "senderUsername",
            "messageId",
        ]),
        // Orders.
        get("/order/notification/:userTo", Order, "/notification/:userTo"),
        get("/order/:orderId", Order, "/:orderId"),
        get("/order/seller/:sellerId", Order, "/seller/:sellerId"),
        get("/order/buyer/:buyerId", Order, "/buyer/:buyerId"),
        post("/order", Order, ""),
        post("/order/create-payment-intent", Order, "/create-payment-intent").picks(&["price", "buyerId"]),
        put("/order/cancel/:orderId", Order, "/cancel/:orderId").answers(201).picks(&[
            "paymentIntentId",
            "paymentIntent",
            "orderData",
        ]),
        put("/order/extension/:orderId", Order, "/extension/:orderId"),
        put("/order/deliver-order/:orderId", Order, "/deliver-order/:orderId").up_to(BodySize::File),
        put("/order/approve-order/:orderId", Order, "/approve-order/:orderId"),
        put("/order/gig/:type/:orderId", Order, "/gig/:type/:orderId"),
        put("/order/notification/mark-as-read", Order, "/notification/mark-as-read").picks(&["notificationId"]),
        // Reviews.
        get("/review/gig/:gigId", Review, "/gig/:gigId"),
        get("/review/seller/:sellerId", Review, "/seller/:sellerId"),
        post("/review", Review, ""),
        // Ours: how they add up.
        get("/review/analytics/gig/:gigId", Review, "/analytics/gig/:gigId").sends(Sends::Query),
        get("/review/analytics/seller/:sellerId", Review, "/analytics/seller/:sellerId").sends(Sends::Query),
        // Ours: whole pages.
        get("/bff/home", Auth, "/currentuser").by_us(Answer::Page(Page::Home)),
        get("/bff/gig/:gigId", Gig, "/:gigId").by_us(Answer::Page(Page::Gig)),
        get("/bff/order/:orderId", Order, "/:orderId").by_us(Answer::Page(Page::Order)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contracts_sixty_routes_and_ours_are_there_once() {
        let routes = all();
        let is_ours = |route: &&Route| {
            ["/auth/sessions", "/auth/second-factor", "/review/analytics/", "/bff/"]
                .iter()
                .any(|own| route.path.starts_with(own))
        };
        assert_eq!(routes.iter().filter(|route| !is_ours(route)).count(), 60);
        let mut names: Vec<String> = routes.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), routes.len());
    }

    #[test]
    fn signing_out_and_renewing_are_in_no_strict_class() {
        let class = |path: &str| all().iter().find(|route| route.path == path).unwrap().class;
        assert_eq!(class("/auth/signout"), RateClass::General);
        assert_eq!(class("/auth/refresh-token/:username"), RateClass::General);
        assert_eq!(class("/auth/currentuser"), RateClass::Never);
        for (path, strict) in [
            ("/auth/signin", RateClass::SignIn),
            ("/auth/signup", RateClass::SignUp),
            ("/auth/verify-otp/:otp", RateClass::Code),
            ("/auth/reset-password/:token", RateClass::Code),
            ("/auth/forgot-password", RateClass::Mail),
        ] {
            assert_eq!(class(path), strict, "{path}");
        }
    }

    #[test]
    fn only_reads_keep_answers_and_every_write_of_a_gig_spoils_them() {
        for route in all() {
            match route.cache {
                CacheRule::Keeps(_) => assert!(route.method == Method::GET && route.keys.is_empty(), "{}", route.path),
                CacheRule::Spoils(_) => assert_ne!(route.method, Method::GET, "{}", route.path),
                CacheRule::None => assert!(
                    route.method == Method::GET || !route.path.starts_with("/gig/") || !route.path.contains(":gigId"),
                    "{}",
                    route.path
                ),
            }
        }
    }

    #[test]
    fn every_downstream_parameter_is_one_of_the_clients() {
        for route in all() {
            let Answer::Forward { path, .. } = route.answer else { continue };
            for part in path.split('/').filter(|part| part.starts_with(':')) {
                assert!(route.path.split('/').any(|own| own == part), "{} {part}", route.path);
            }
        }
    }
}
