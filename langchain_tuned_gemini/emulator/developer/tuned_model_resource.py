"""Records as the API shows them, with the fields in the order of real bodies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.developer.tuned_model import State
from langchain_tuned_gemini.emulator.http.wire import (
    TYPE_URL,
    JsonObject,
    compact,
    number,
    timestamp,
)

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.developer.tuned_model import (
        BaseModel,
        Hyperparameters,
        Permission,
        TunedModelRecord,
    )
    from langchain_tuned_gemini.emulator.progression import Snapshot, Training


def tuned_model(training: Training) -> JsonObject:
    """A TunedModel resource; the examples are input only and never shown.

    Snapshots appear while the model is CREATING, as the reference words it ("metrics
    collected during tuning"). The real bodies of that state were taken before the first
    step and show none.
    """
    record = training.record
    resource: JsonObject = {"name": record.name}
    if record.tuned_model_source:
        resource["tunedModelSource"] = {
            "tunedModel": record.tuned_model_source,
            "baseModel": record.base_model,
        }
    else:
        resource["baseModel"] = record.base_model
    resource |= compact(displayName=record.display_name, description=record.description)
    resource |= {
        "state": training.state.value,
        "createTime": timestamp(record.create_time),
        "updateTime": timestamp(training.update_time),
        "tuningTask": _tuning_task(training),
        "temperature": number(record.temperature),
        "topP": number(record.top_p),
        "topK": record.top_k,
    }
    return resource | compact(readerProjectNumbers=list(record.reader_project_numbers))


def operation(training: Training) -> JsonObject:
    """The long-running operation that creates a model, as it stands."""
    record, ended = training.record, training.ended
    message = created_operation(record)
    message["metadata"] = {
        "@type": TYPE_URL + "CreateTunedModelMetadata",
        **compact(
            totalSteps=record.total_steps,
            completedSteps=training.completed_steps,
            completedPercent=number(round(training.completed_percent, 4)),
            snapshots=[_snapshot(snapshot) for snapshot in training.snapshots()],
        ),
        "tunedModel": record.name,
    }
    if ended is None:
        return message
    message["done"] = True
    if ended.state is State.FAILED:
        code, text = ended.error
        message["error"] = {"code": code, "message": text}
    else:
        message["response"] = {"@type": TYPE_URL + "TunedModel", **tuned_model(training)}
    return message


def created_operation(record: TunedModelRecord) -> JsonObject:
    """The answer of create: no `done`, no progress, even if the model is ready at once."""
    return {
        "name": f"{record.name}/operations/{record.operation_id}",
        "metadata": {
            "@type": TYPE_URL + "CreateTunedModelMetadata",
            **compact(totalSteps=record.total_steps),
            "tunedModel": record.name,
        },
    }


def permission(record: TunedModelRecord, granted: Permission) -> JsonObject:
    """A Permission resource."""
    return compact(
        name=f"{record.name}/permissions/{granted.id}",
        granteeType=granted.grantee_type,
        emailAddress=granted.email,
        role=granted.role,
    )


def base_model(model: BaseModel) -> JsonObject:
    """A Model resource."""
    methods = ["generateContent", "countTokens"]
    if model.tunable:
        methods.append("createTunedModel")
    return compact(
        name=model.name,
        version=model.version,
        displayName=model.display_name,
        description=model.description,
        inputTokenLimit=model.input_token_limit,
        outputTokenLimit=model.output_token_limit,
        supportedGenerationMethods=methods,
        temperature=number(model.temperature),
        topP=number(model.top_p),
        topK=model.top_k,
        maxTemperature=number(model.max_temperature),
        thinking=model.thinking,
    )


def _tuning_task(training: Training) -> JsonObject:
    record, ended = training.record, training.ended
    completed = ended if ended is not None and ended.state is State.ACTIVE else None
    return compact(
        # Real tuning starts 0.1 to 2.2 s after the creation; here it starts at once.
        startTime=timestamp(record.create_time, digits=9),
        completeTime=timestamp(completed.time) if completed else None,
        snapshots=[_snapshot(snapshot) for snapshot in training.snapshots()],
        hyperparameters=_hyperparameters(record.hyperparameters),
    )


def _hyperparameters(parameters: Hyperparameters) -> JsonObject:
    rate, multiplier = parameters.learning_rate, parameters.learning_rate_multiplier
    return compact(
        epochCount=parameters.epoch_count,
        batchSize=parameters.batch_size,
        learningRate=number(rate) if rate is not None else None,
        learningRateMultiplier=number(multiplier) if multiplier is not None else None,
    )


def _snapshot(snapshot: Snapshot) -> JsonObject:
    return compact(
        step=snapshot.step,
        epoch=snapshot.epoch,
        meanLoss=snapshot.mean_loss,
        computeTime=timestamp(snapshot.compute_time, digits=9),
    )
