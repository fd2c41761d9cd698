"""The LLM router: providers in order, a cache in front, and the providers themselves.

A provider is an endpoint of this same server, called over real HTTP: outgoing calls, the
correlation id crossing a service border and the provider's own request record can all be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fm_otel import LogContext, get_logger
from fm_otel.demo.failures import LLMProviderError

if TYPE_CHECKING:
    import httpx

logger = get_logger("faultmaven.infrastructure.llm_router")

PROVIDERS: Final = {
    "fireworks": "llama-v3p1-405b-instruct",
    "openai": "gpt-4o",
    "anthropic": "claude-3-5-sonnet",
}
_MAX_CACHED: Final = 500
_TOKENS_PER_WORD: Final = 1.4


@dataclass(frozen=True, slots=True)
class Answer:
    """What the router gives back."""

    text: str
    provider: str
    tokens_used: int
    cache_hit: bool


class Router:
    """Asks one provider after the other until one answers; remembers the answers."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._cache: dict[str, Answer] = {}

    async def route(self, prompt: str, base_url: str, broken: frozenset[str]) -> Answer:
        """Answer ``prompt``; providers in ``broken`` refuse, as a fault for the demo."""
        with LogContext(logger, "route_llm_request", role="chat") as ctx:
            answer = self._cached(prompt) or await self._ask(prompt, base_url, broken)
            ctx.set(
                provider=answer.provider,
                model=PROVIDERS[answer.provider],
                tokens_used=answer.tokens_used,
                cache_hit=answer.cache_hit,
            )
            return answer

    def _cached(self, prompt: str) -> Answer | None:
        found = self._cache.get(prompt)
        return Answer(found.text, found.provider, 0, cache_hit=True) if found else None

    async def _ask(self, prompt: str, base_url: str, broken: frozenset[str]) -> Answer:
        for provider in PROVIDERS:
            response = await self._client.post(
                f"{base_url}/providers/{provider}/chat",
                json={"prompt": prompt, "fail": provider in broken},
            )
            if response.is_success:
                return self._remember(prompt, provider, response.json())
            logger.warning(
                "Provider %s failed", provider,
                extra={"provider": provider, "status": response.status_code,
                       "error_code": "LLM_PROVIDER_ERROR"},
            )
        msg = "no provider answered"
        raise LLMProviderError(msg, tried=len(PROVIDERS))

    def _remember(self, prompt: str, provider: str, reply: dict[str, object]) -> Answer:
        if len(self._cache) >= _MAX_CACHED:
            self._cache.clear()
        answer = Answer(str(reply["text"]), provider, int(str(reply["tokens"])), cache_hit=False)
        self._cache[prompt] = answer
        return answer


def complete(provider: str, prompt: str, *, fail: bool) -> dict[str, object]:
    """Be the provider: answer with a text and the tokens it took."""
    if fail:
        msg = f"{provider} is overloaded"
        raise LLMProviderError(msg, provider=provider)
    words = len(prompt.split())
    text = f"{provider} looked at {words} words and suspects the last deployment."
    return {"text": text, "tokens": round((words + len(text.split())) * _TOKENS_PER_WORD)}
