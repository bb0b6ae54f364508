"""The unsubscribe page: three languages, phone first, light and dark, no script, nothing from elsewhere."""

from dataclasses import dataclass
from html import escape
from typing import Literal

PAGE_LOCALES = ("tr", "az", "en")
PageName = Literal["ask", "done", "later", "unknown"]


@dataclass(frozen=True, slots=True)
class _Words:
    title: str
    text: str
    button: str = ""


_PAGES: dict[str, dict[PageName, _Words]] = {
    "tr": {
        "ask": _Words(
            "Abonelikten çıkmak istiyor musunuz?",
            "Onayladığınızda size artık kampanya ve hatırlatma e-postası göndermeyeceğiz. "
            "Siparişlerinizle ilgili bildirimler gelmeye devam eder.",
            "Abonelikten çık",
        ),
        "done": _Words(
            "Abonelikten çıktınız",
            "Bundan sonra size kampanya ve hatırlatma e-postası göndermeyeceğiz. "
            "Siparişlerinizle ilgili bildirimler gelmeye devam eder.",
        ),
        "later": _Words(
            "İsteğinizi tam olarak kaydedemedik",
            "Size kampanya e-postası gönderilmesini durdurmayı denedik, ancak kayıt tamamlanamadı. "
            "Lütfen birkaç dakika sonra bu bağlantıyı yeniden açın.",
        ),
        "unknown": _Words(
            "Bu bağlantı geçerli değil",
            "Bağlantı eksik kopyalanmış olabilir. Lütfen e-postadaki bağlantıya yeniden dokunun.",
        ),
    },
    "az": {
        "ask": _Words(
            "Abunəlikdən çıxmaq istəyirsiniz?",
            "Təsdiq etdikdən sonra sizə kampaniya və xatırlatma e-məktubları göndərməyəcəyik. "
            "Sifarişlərinizlə bağlı bildirişlər gəlməyə davam edəcək.",
            "Abunəlikdən çıx",
        ),
        "done": _Words(
            "Abunəlikdən çıxdınız",
            "Bundan sonra sizə kampaniya və xatırlatma e-məktubları göndərməyəcəyik. "
            "Sifarişlərinizlə bağlı bildirişlər gəlməyə davam edəcək.",
        ),
        "later": _Words(
            "Müraciətinizi tam qeydə ala bilmədik",
            "Kampaniya e-məktublarını dayandırmağa çalışdıq, amma qeydiyyat tamamlanmadı. "
            "Zəhmət olmasa, bir neçə dəqiqədən sonra bu keçidi yenidən açın.",
        ),
        "unknown": _Words(
            "Bu keçid etibarlı deyil",
            "Keçid natamam köçürülmüş ola bilər. Zəhmət olmasa, e-məktubdakı keçidə yenidən toxunun.",
        ),
    },
    "en": {
        "ask": _Words(
            "Do you want to unsubscribe?",
            "Once you confirm, we will stop sending you offers and reminders. "
            "You will still get messages about your orders.",
            "Unsubscribe",
        ),
        "done": _Words(
            "You are unsubscribed",
            "We will not send you offers or reminders any more. "
            "You will still get messages about your orders.",
        ),
        "later": _Words(
            "We could not finish recording your request",
            "We tried to stop our marketing mails to you, but the record is not complete. "
            "Please open this link again in a few minutes.",
        ),
        "unknown": _Words(
            "This link is not valid",
            "It may have been copied incompletely. Please tap the link in the e-mail again.",
        ),
    },
}

_STYLE = """
:root{color-scheme:light dark;--ground:#f4f1ec;--card:#fff;--ink:#1f2430;--soft:#5c6370;--line:#e4ded4;
--accent:#b4412b;--on-accent:#fff}
@media (prefers-color-scheme:dark){:root{--ground:#15171c;--card:#1f2229;--ink:#f1efeb;--soft:#b0b4bd;
--line:#343842;--accent:#f0866f;--on-accent:#1b1210}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;justify-content:center;
padding:24px 16px;background:var(--ground);color:var(--ink);
font:17px/1.55 -apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.brand{font-weight:700;letter-spacing:.01em;margin:0 0 20px;font-size:18px}
main{background:var(--card);border:1px solid var(--line);border-radius:16px;padding:32px 28px;max-width:460px;
width:100%}
h1{font-size:24px;line-height:1.25;margin:0 0 12px}
p{margin:0;color:var(--soft)}
form{margin:28px 0 0}
button{font:inherit;font-weight:600;width:100%;min-height:52px;border:0;border-radius:12px;padding:12px 20px;
background:var(--accent);color:var(--on-accent);cursor:pointer}
button:focus-visible{outline:3px solid var(--ink);outline-offset:3px}
"""


def unsubscribe_page(page: PageName, locale: str, brand: str) -> str:
    """The HTML document. `locale` is one of `PAGE_LOCALES`; the form posts to the page's own address."""
    words = _PAGES[locale][page]
    form = ""
    if words.button:
        form = f'<form method="post"><button type="submit">{escape(words.button)}</button></form>'
    return (
        f'<!doctype html><html lang="{locale}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">'
        f"<title>{escape(words.title)} · {escape(brand)}</title><style>{_STYLE}</style></head>"
        f'<body><p class="brand">{escape(brand)}</p><main><h1>{escape(words.title)}</h1>'
        f"<p>{escape(words.text)}</p>{form}</main></body></html>"
    )
