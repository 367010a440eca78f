"""What is worth telling of the admission webhook: a group of its own, since an installation may have none."""

from datetime import timedelta

from .alerts import Alert, Mender, Severity
from .pace import Pace

_EXPIRES = "pipewise_webhook_certificate_expires_timestamp_seconds"


def webhook_alerts(pace: Pace) -> tuple[Alert, ...]:
    """The webhook's alerts at a pace, the widest damage first."""
    return (_webhook_down(pace), _certificate_expiring(pace))


def _webhook_down(pace: Pace) -> Alert:
    return Alert(
        name="WebhookDown",
        expression=f'absent(pipewise_build_info{{program="pipewise-webhook"}})\nor\nmax({_EXPIRES}) == 0',
        lasting=pace.down_for,
        severity=Severity.CRITICAL,
        mender=Mender.PLATFORM,
        summary="No PipeWise webhook answers Prometheus, or none has a certificate.",
        description=(
            "Pods that ask for a sidecar are not created (unless webhook.failurePolicy is Ignore) and "
            "bindings are let through unchecked. Pods that run, and all others, do not notice. See: kubectl "
            "get pods -A -l app.kubernetes.io/name=pipewise-mcp,app.kubernetes.io/component=webhook"
        ),
    )


def _certificate_expiring(pace: Pace) -> Alert:
    # 0 means that there is none yet: WebhookDown tells that. Days of it are no news to wait for.
    left = round(pace.certificate_left.total_seconds())
    return Alert(
        name="WebhookCertificateExpiring",
        expression=f"min({_EXPIRES} > 0) - time() < {left}",
        lasting=timedelta(0),
        severity=Severity.WARNING,
        mender=Mender.PLATFORM,
        summary="The certificate of the PipeWise webhook was not renewed in time.",
        description=(
            "It ends soon, and should have been renewed long before. When it ends, the API server trusts the "
            "webhook no more, as if it were down. See: kubectl -n NAMESPACE logs -l "
            "app.kubernetes.io/component=webhook (certificates_not_kept)"
        ),
    )
