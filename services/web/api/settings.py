"""A programme's settings through the API: its pathway, what changes would do, publishing; its texts."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from models.programmes import Programme
from models.vocabulary import Channel, Party
from services.foundation.database import UnitOfWork
from services.programme import publishing, texts
from services.programme.publishing import CaseMove, Changes, Publishing
from services.programme.texts import RestoreForm, TextForm, TextLine
from services.rules import adjusting
from services.rules.casework import Hand
from services.rules.outline import TextKey
from services.rules.policy import Actor
from services.rules.texts.own import Words
from services.web.api.edge import Acts, Reads
from services.web.api.settings_answers import (
    CaseMoveLine,
    DateMove,
    OpenMoving,
    PathwayAnswer,
    PathwayPreview,
    PublicationLine,
    Published,
    SettingLine,
    TextAnswer,
    TextList,
    TextListLine,
    TextTried,
    TextVersionLine,
    TextWords,
)

TAG: Final = "Réglages"
router = APIRouter(tags=[TAG])
SHOWN: Final = 25
ONE: Final = "/texts/{text}/{party}/{channel}"


def which(text: str, party: Party, channel: Channel) -> TextKey:
    """The text that an address names."""
    return TextKey(text, party, channel)


Which = Annotated[TextKey, Depends(which)]


@router.get("/pathway", summary="Lire le parcours en vigueur")
def read_pathway(reads: Reads) -> PathwayAnswer:
    """Celui que suivent les nouvelles situations ; une situation ouverte garde le sien tant qu’on ne la déplace pas."""
    with reads.runtime.database.read() as unit:
        standing = publishing.standing(unit, reads.actor(unit))
        pathway, programme = standing.pathway, _programme(unit, reads.actor(unit))
        return PathwayAnswer(
            name=pathway.name,
            version=pathway.version,
            hash=programme.pathway_hash,
            behind=publishing.reach(unit, programme, pathway).following,
            is_moving=programme.moving_since is not None,
            settings=[
                SettingLine(name=each.name, words=adjusting.told(each), value=each.value)
                for each in adjusting.settings_of(pathway)
            ],
            history=[
                PublicationLine(version=each.version, at=each.at, by=each.by, replaced=each.replaced)
                for each in standing.history
            ],
            definition=pathway.model_dump(mode="json", exclude_defaults=True),
        )


@router.post("/pathway/preview", summary="Voir ce que des valeurs changeraient")
def preview_pathway(reads: Reads, form: Changes) -> PathwayPreview:
    """Rien n’est gardé. Le nom de chaque réglage se lit dans le parcours en vigueur."""
    with reads.runtime.database.read() as unit:
        actor = reads.actor(unit)
        made = publishing.draft(unit, actor, form)
        programme, current = _programme(unit, actor), publishing.standing(unit, actor).pathway
        reach = publishing.reach(unit, programme, made)
        return PathwayPreview(
            version=made.version,
            hash=programme.pathway_hash,
            told=adjusting.changes_between(current, made),
            following=reach.following,
            redated=reach.redated,
            reminded=reach.reminded,
            moves=[_case(each) for each in publishing.preview_page(unit, programme, made, number=1, size=SHOWN)],
        )


@router.post("/pathway/publish", response_model=Published, summary="Publier de nouvelles valeurs")
def publish_pathway(acts: Acts, form: Publishing) -> JSONResponse:
    """Les nouvelles situations suivent cette version. Refus 409 si quelqu’un a publié depuis « started_from »."""

    def publish(unit: UnitOfWork, hand: Hand) -> Published:
        made = publishing.adjust(unit, hand, form)
        return Published(name=made.name, version=made.version, hash=_programme(unit, hand.actor).pathway_hash)

    return acts.once(publish, form)


@router.post("/pathway/move-open", response_model=OpenMoving, summary="Déplacer les situations ouvertes")
def move_open_cases(acts: Acts) -> JSONResponse:
    """Vers la version en vigueur, chacune seule, en arrière-plan : le parcours dit combien il en reste."""

    def ask(unit: UnitOfWork, hand: Hand) -> OpenMoving:
        return OpenMoving(left=publishing.ask_to_move(unit, hand.actor))

    return acts.once(ask)


@router.get("/texts", summary="Lister les textes")
def list_texts(reads: Reads) -> TextList:
    """Ceux que le parcours en vigueur envoie, par étape, puis par lecteur."""
    with reads.runtime.database.read() as unit:
        return TextList(items=[_line(each) for each in texts.of_programme(unit, reads.actor(unit))])


@router.get(ONE, summary="Lire un texte")
def read_text(reads: Reads, key: Which) -> TextAnswer:
    """Avec son texte d’origine, les champs qu’il connaît et ses versions."""
    with reads.runtime.database.read() as unit:
        sheet = texts.sheet(unit, reads.actor(unit), key)
    return TextAnswer(
        line=_line(sheet.line),
        shipped=_words(sheet.shipped),
        fields=list(sheet.fields),
        subject_fields=list(sheet.subject_fields),
        needs_link=sheet.needs_link,
        versions=[
            TextVersionLine(version=each.number, at=each.at, by=each.by, words=each.words and _words(each.words))
            for each in sheet.versions
        ],
    )


@router.post(ONE + "/preview", summary="Essayer un texte")
def preview_text(reads: Reads, key: Which, form: TextForm) -> TextTried:
    """Sur des valeurs inventées ; rien n’est gardé. « faults » dit ce qui empêcherait de l’enregistrer."""
    with reads.runtime.database.read() as unit:
        tried = texts.preview(unit, reads.actor(unit), key, form)
    faults = {fault.field: fault.sentence for fault in reversed(tried.faults)}
    return TextTried(subject=tried.rendered.subject, body=tried.rendered.body, faults=faults, sms=tried.parts)


@router.post(ONE, response_model=TextListLine, summary="Changer un texte")
def save_text(acts: Acts, key: Which, form: TextForm) -> JSONResponse:
    """Du texte et des champs entre crochets, jamais de programme. Les envois à partir de maintenant le disent ainsi."""

    def save(unit: UnitOfWork, hand: Hand) -> TextListLine:
        texts.save(unit, hand, key, form)
        return _line(texts.sheet(unit, hand.actor, key).line)

    return acts.once(save, form)


@router.post(ONE + "/restore", response_model=TextListLine, summary="Rétablir le texte d’origine")
def restore_text(acts: Acts, key: Which, form: RestoreForm) -> JSONResponse:
    """Les versions restent lisibles."""

    def restore(unit: UnitOfWork, hand: Hand) -> TextListLine:
        texts.restore(unit, hand, key, form)
        return _line(texts.sheet(unit, hand.actor, key).line)

    return acts.once(restore, form)


def _programme(unit: UnitOfWork, actor: Actor) -> Programme:
    return unit.session.get_one(Programme, actor.programme_id)


def _case(move: CaseMove) -> CaseMoveLine:
    return CaseMoveLine(
        case_id=move.case_id,
        number=move.number,
        tasks=[DateMove(task=each.kind, before=each.before, after=each.after) for each in move.tasks],
        stays=move.stays,
    )


def _line(line: TextLine) -> TextListLine:
    return TextListLine(
        text=line.key.text,
        party=line.key.party,
        channel=line.key.channel,
        title=line.title,
        stage=line.stage,
        version=line.version,
        is_own=line.is_own,
        words=_words(line.words),
    )


def _words(words: Words) -> TextWords:
    return TextWords(subject=words.subject, body=words.body)
