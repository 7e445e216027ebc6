//! The gateway in the form all services have, and services it calls in its own process.

use axum::Router;
use jobapp_http::{GatewayTokens, in_process};
use jobapp_kernel::Queue;
use jobapp_metrics::Metrics;
use jobapp_platform::{Need, Service, Task, measured};
use jobapp_runtime::Consumer;
use jobapp_wire::queues;

use crate::api::Needs;
use crate::sockets::news;
use crate::{Gateway, GuardConfig, Target, Upstreams};

impl Service for Gateway {
    fn name(&self) -> &'static str {
        "gateway"
    }

    /// [`Gateway::door`] without the documents of services, for who needs a router: a door is a layer less.
    fn router(&self) -> Router {
        Router::new().fallback_service(self.door(&[]))
    }

    fn queues(&self) -> Vec<Queue> {
        vec![queues::GATEWAY_REALTIME, queues::GATEWAY_GIG, queues::GATEWAY_PROFILE]
    }

    fn consumers(&self) -> Vec<Consumer> {
        let Needs { answers, shared_answers, realtime, .. } = &*self.0.needs;
        let mut consumers = news::consumers(answers, shared_answers, realtime);
        consumers.push(realtime.consumer());
        consumers
    }

    /// Tells sockets to come back elsewhere once the process is asked to stop. Learns what services over the network accept.
    fn tasks(&self) -> Vec<Task> {
        let gateway = self.clone();
        let drain = Task::new("drain the gateway", |stop| async move {
            stop.cancelled().await;
            gateway.drain().await;
        });
        let gateway = self.clone();
        let learn = Task::new("learn what the services accept", |stop| async move {
            stop.run_until_cancelled(gateway.learn_documents()).await;
        });
        if self.config().services_tell { vec![drain, learn] } else { vec![drain] }
    }

    fn waits_for(&self) -> Vec<Need> {
        let gateway = self.clone();
        vec![Need::new("the sessions that ended lately", move || {
            let gateway = gateway.clone();
            async move {
                let loaded = gateway.load_ended_sessions().await;
                loaded.map_err(|error| anyhow::anyhow!(error.message().to_owned()))
            }
        })]
    }
}

impl Upstreams {
    /// To services of this process, whose requests are counted.
    pub fn in_process<'a>(
        services: impl IntoIterator<Item = &'a dyn Service>,
        tokens: GatewayTokens,
        guards: &GuardConfig,
        metrics: &Metrics,
    ) -> Self {
        let targets = services.into_iter().flat_map(|service| {
            let called = in_process(measured(metrics, service));
            let of_it = move |target: &Target| target.service() == service.name();
            Target::ALL.into_iter().filter(of_it).map(move |target| (target, called.clone()))
        });
        Self::new(targets, tokens, guards)
    }
}
