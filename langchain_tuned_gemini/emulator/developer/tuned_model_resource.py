"""Tuned models as the Developer API shows them, with the fields in the order of real bodies."""

from __future__ import annotations

from langchain_tuned_gemini.emulator.http.wire import (
    TYPE_URL,
    JsonObject,
    compact,
    number,
    timestamp,
)
from langchain_tuned_gemini.emulator.state.tuned_model import (
    Hyperparameters,
    State,
    Training,
    TunedModelRecord,
)


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
    record, ended, total = training.record, training.ended, training.record.total_steps
    percent = 100 * training.completed_steps / total if total else 100.0
    message = created_operation(record)
    message["metadata"] = {
        "@type": TYPE_URL + "CreateTunedModelMetadata",
        **compact(
            totalSteps=total,
            completedSteps=training.completed_steps,
            completedPercent=number(round(percent, 4)),
            snapshots=_snapshots(training),
        ),
        "tunedModel": record.name,
    }
    if ended is None:
        return message
    message["done"] = True
    if ended.error is not None:
        message["error"] = ended.error._asdict()
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


def _tuning_task(training: Training) -> JsonObject:
    record, ended = training.record, training.ended
    completed = ended if ended is not None and ended.state is State.ACTIVE else None
    return compact(
        # Real tuning starts 0.1 to 2.2 s after the creation; here it starts at once.
        startTime=timestamp(record.create_time, digits=9),
        completeTime=timestamp(completed.time) if completed else None,
        snapshots=_snapshots(training),
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


def _snapshots(training: Training) -> list[JsonObject]:
    """One for each step that is done."""
    return [
        compact(
            step=step,
            epoch=training.epoch(step),
            meanLoss=training.mean_loss(step),
            computeTime=timestamp(training.compute_time(step), digits=9),
        )
        for step in range(1, training.completed_steps + 1)
    ]
